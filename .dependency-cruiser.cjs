// Imports point one way (CONTRIBUTING.md, "The house"). Each layer may import itself and the layers before it;
// rooms that share a layer are neighbours and do not import one another.
const layers = [
  ['src/lib'],
  ['src/config.ts', 'src/telemetry', 'src/licenses'],
  ['db'],
  ['src/catalog'],
  ['src/workers'],
  ['src/query', 'src/scoring', 'src/sandbox'],
  ['src/endpoints', 'src/deployments'],
  ['src/gate'],
  ['src/protocols', 'src/management'],
  ['src/server.ts'],
  ['src/cli'],
  ['src/main.ts', 'src/build.ts'],
]
const pattern = room => (room.endsWith('.ts') ? `^${room.replace('.', '\\.')}$` : `^${room}/`)
const forbidden = [
  { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
  {
    name: 'no-unlisted-room',
    comment: 'a new folder under src is placed in the order of layers first',
    severity: 'error',
    from: { path: '^(src|db)/', pathNot: [...layers.flat(), 'src/console'].map(pattern) },
    to: {},
  },
  {
    name: 'into-unlisted-room',
    comment: 'the same, seen from who imports it',
    severity: 'error',
    from: {},
    to: { path: '^(src|db)/', pathNot: [...layers.flat(), 'src/console'].map(pattern) },
  },
]
for (const [i, rooms] of layers.entries())
  for (const room of rooms) {
    const neighbours = rooms.filter(other => other !== room)
    const above = layers.slice(i + 1).flat()
    forbidden.push({
      name: `one-way: ${room}`,
      severity: 'error',
      from: { path: pattern(room) },
      to: { path: [...neighbours, ...above].map(pattern) },
    })
  }
// The console is another program: it takes types from the management API, which vanish, and nobody imports it. What is built
// of it reaches src/protocols/console as files.
forbidden.push(
  {
    name: 'console-takes-types-only',
    severity: 'error',
    from: { path: '^src/console/' },
    to: { path: '^(src|db)/', pathNot: '^src/console/', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'console-types-of-the-api',
    severity: 'error',
    from: { path: '^src/console/' },
    to: { path: '^(src|db)/', pathNot: '^src/(console|management|catalog)/' },
  },
  {
    name: 'nobody-imports-the-console',
    severity: 'error',
    from: { path: '^(src|db)/', pathNot: '^src/console/' },
    to: { path: '^src/console/' },
  },
)
module.exports = {
  forbidden: forbidden.filter(
    rule => rule.to.circular || rule.name.endsWith('unlisted-room') || rule.to.path.length > 0,
  ),
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(node_modules|dist|test|models)/' },
  },
}
