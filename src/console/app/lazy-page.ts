import { lazyRouteComponent } from '@tanstack/react-router'
import { connectionLost, isReached, onComeback } from '../api/connection.ts'

/**
 * A page whose code is fetched when it is opened. While the server is not reached one stays where one is, and the page is opened
 * when it is again: the router itself loads the whole console anew where code cannot be fetched, which is right after an upgrade
 * only.
 */
export const lazyPage = <
  // biome-ignore lint/suspicious/noExplicitAny: as the router has it
  Module extends Record<string, any>,
  Name extends keyof Module,
>(
  read: () => Promise<Module>,
  name: Name,
) => lazyRouteComponent(() => whenReached(read), name)

async function whenReached<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (await isReached()) throw error
  }
  await new Promise<void>(resolve => {
    const forget = onComeback(() => {
      forget()
      resolve()
    })
    connectionLost()
  })
  return whenReached(read)
}
