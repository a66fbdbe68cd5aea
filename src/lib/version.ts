import manifest from '../../package.json' with { type: 'json' }

declare const CALLGATE_VERSION: string | undefined

/** `0.1.0+1a2b3c4` in the executable (the commit it was built from, `-dirty` if the tree had changes), `0.1.0` from source. */
export const version: string = typeof CALLGATE_VERSION === 'string' ? CALLGATE_VERSION : manifest.version
