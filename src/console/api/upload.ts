/** A multipart upload that says how far it is: `fetch` does not, `XMLHttpRequest` does. */
import { connectionLost } from './connection.ts'
import { ConnectionLost, csrfToken, isOfProxy, isRenewed, Problem, REQUEST_ID, refusalOf } from './http.ts'

export interface Upload {
  /** fields beside the file, which goes last: the server reads them first */
  fields?: Record<string, string>
  file: File
  project?: number
  /** 0 to 1; 1 when all is sent and the server is at work on it */
  onProgress?: (share: number) => void
  signal?: AbortSignal
}

/** @throws Problem, ConnectionLost */
export async function upload<T>(path: string, what: Upload): Promise<T> {
  try {
    return await uploadOnce<T>(path, what)
  } catch (error) {
    if (error instanceof Problem && (await isRenewed(error.status, error))) return uploadOnce<T>(path, what)
    throw error
  }
}

function uploadOnce<T>(path: string, { fields = {}, file, project, onProgress, signal }: Upload): Promise<T> {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  form.append('file', file)
  return new Promise<T>((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open('POST', path)
    request.setRequestHeader('x-csrf-token', csrfToken())
    if (project !== undefined) request.setRequestHeader('x-project-id', String(project))
    request.upload.onprogress = ({ loaded, total }) => onProgress?.(total > 0 ? loaded / total : 0)
    request.upload.onload = () => onProgress?.(1)
    const lost = () => {
      connectionLost()
      reject(new ConnectionLost('The server cannot be reached.'))
    }
    request.onload = () => {
      if (isOfProxy(request.status, request.getResponseHeader(REQUEST_ID))) return lost()
      const body = parsed(request.responseText)
      if (request.status >= 200 && request.status < 300) resolve(body as T)
      else reject(refusalOf(request.status, body))
    }
    request.onerror = lost
    request.onabort = () => reject(new DOMException('The upload was given up.', 'AbortError'))
    signal?.addEventListener('abort', () => request.abort(), { once: true })
    request.send(form)
  })
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return {}
  }
}
