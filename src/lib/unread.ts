/** A body that nobody reads, of an answer to HEAD: with one the server says that it does not know how long the real one is. */
export const unread = () => new ReadableStream<Uint8Array>({ pull: () => new Promise(() => {}) })
