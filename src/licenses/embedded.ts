/** Where the compressed notices are inside this executable. From source there are none; `src/build.ts` puts the path in this file's place. */
export const embedded: string | undefined = undefined
