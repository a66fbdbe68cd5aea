/** What the server behind the proxy answers, byte by byte: by the last part of the path `/raw/{name}`. */

/**
 * Text is sent as it is (a character a byte), a number is a pause in milliseconds, `wait` one until somebody asks for `/on`, `close`
 * ends the connection, `reset` cuts it off.
 */
export type Step = string | number | 'wait' | 'close' | 'reset'

const ok = (...lines: string[]) => `${['HTTP/1.1 200 OK', ...lines].join('\r\n')}\r\n\r\n`
const status = (line: string, body = '') => `HTTP/1.1 ${line}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
const LONG = 'x'.repeat(70_000)

/** Answers that are handed on, by what is in them. */
export const GOOD: Record<string, Step[]> = {
  length: [ok('Content-Length: 5', 'Content-Type: text/x-own'), 'hello'],
  'length in one piece': [`${ok('Content-Length: 5')}hello`],
  'length in five pieces': [ok('Content-Length: 5'), 5, 'h', 5, 'e', 5, 'l', 5, 'lo'],
  'head in pieces': ['HTTP/1.', 5, '1 200', 5, ' OK\r', 5, '\nContent-Le', 5, 'ngth: 5\r\n\r', 5, '\nhello'],
  chunks: [ok('Transfer-Encoding: chunked'), '2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n'],
  'chunks in pieces': [
    ok('Transfer-Encoding: chunked'),
    '2\r',
    5,
    '\nh',
    5,
    'e\r',
    5,
    '\n3\r\nllo\r\n0',
    5,
    '\r\n\r',
    5,
    '\n',
  ],
  'chunk extensions': [ok('Transfer-Encoding: chunked'), '2;a=b\r\nhe\r\n3 ; c="d"\r\nllo\r\n0;e\r\n\r\n'],
  'chunk sizes that zeros lead': [
    ok('Transfer-Encoding: chunked'),
    `${'2'.padStart(17, '0')}\r\nhe\r\n${'3'.padStart(8, '0')}\r\nllo\r\n${'0'.repeat(16)}\r\n\r\n`,
  ],
  trailers: [
    ok('Transfer-Encoding: chunked', 'Trailer: X-Sum'),
    '5\r\nhello\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a=1\r\n\r\n',
  ],
  'to the end of the connection': [ok(), 'hel', 5, 'lo', 'close'],
  'HTTP/1.0': ['HTTP/1.0 200 OK\r\nContent-Type: text/x-own\r\n\r\nhello', 'close'],
  'a later version of HTTP/1': ['HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
  'no reason phrase': ['HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello'],
  'a length and a connection that ends': [`${ok('Content-Length: 5', 'Connection: close')}hello`, 'close'],
  '100 first': ['HTTP/1.1 100 Continue\r\n\r\n', `${ok('Content-Length: 5')}hello`],
  '103 first': [
    'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n',
    5,
    `${ok('Content-Length: 5')}hello`,
  ],
  '102 twice first': [
    'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n',
    `${ok('Content-Length: 5')}hello`,
  ],
  'white space around a value': [`${ok('X-Padded: \t a b \t', 'Content-Length: 5')}hello`],
  'two equal lengths': [`${ok('Content-Length: 5', 'Content-Length: 5')}hello`],
  'a length that zeros lead': [`${ok('Content-Length: 005')}hello`],
  'more than the length says': [`${ok('Content-Length: 5')}hello, and more`],
  'a Connection that names the length': [
    `${ok('Connection: Content-Length, X-Odd', 'X-Odd: 1', 'Content-Length: 5')}hello`,
  ],
  'chunked in capitals': [ok('Transfer-Encoding: CHUNKED'), '5\r\nhello\r\n0\r\n\r\n'],
  'chunks of HTTP/1.0': ['HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 'close'],
  'a reason phrase that is no ASCII': ['HTTP/1.1 200 caf\xe9 \t\r\nContent-Length: 5\r\n\r\nhello'],
  '103 with a length': [`HTTP/1.1 103 Early Hints\r\nContent-Length: 3\r\n\r\n${ok('Content-Length: 5')}hello`],
}

/** What is no HTTP answer, or one that could be read in two ways. */
export const BAD: Record<string, Step[]> = {
  'no answer': ['close'],
  'a reset': ['reset'],
  'half a head': ['HTTP/1.1 200 OK\r\nContent-Length: 5\r\n', 'close'],
  'half a body': [`${ok('Content-Length: 500')}hello`, 'close'],
  'half a chunk size': [`${ok('Transfer-Encoding: chunked')}5`, 'close'],
  'half a status line': ['HTTP/1.1 2', 'close'],
  'lines that end in LF alone': ['HTTP/1.1 200 OK\nContent-Length: 5\n\nhello'],
  'no status line': ['hello\r\n\r\n', 'close'],
  'HTTP/2': ['HTTP/2 200 OK\r\n\r\n', 'close'],
  'a version that is no number': ['HTTP/1.x 200 OK\r\n\r\n', 'close'],
  'a status of two digits': ['HTTP/1.1 20 OK\r\n\r\n', 'close'],
  'a status of 600': [status('600 Odd', 'hello')],
  'a status of 999': [status('999 Odd', 'hello')],
  '101 that nobody asked for': ['HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello'],
  'a status of four digits': ['HTTP/1.1 2000 OK\r\n\r\n', 'close'],
  'a status below 100': ['HTTP/1.1 099 OK\r\n\r\n', 'close'],
  'http in small letters': ['http/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
  'an empty line first': [`\r\n${ok('Content-Length: 5')}hello`],
  identity: [`${ok('Transfer-Encoding: identity', 'Content-Length: 5')}hello`],
  'an encoding below the chunks': [`${ok('Transfer-Encoding: gzip, chunked')}5\r\nhello\r\n0\r\n\r\n`],
  'a chunk extension without an end': [`${ok('Transfer-Encoding: chunked')}5;${LONG}`],
  'a bare LF in a header': [`${ok('X-Odd: a\nX-Other: b', 'Content-Length: 5')}hello`],
  'two lengths': [`${ok('Content-Length: 5', 'Content-Length: 6')}hello!`],
  'a negative length': [`${ok('Content-Length: -5')}hello`, 'close'],
  'a list of lengths': [`${ok('Content-Length: 5, 5')}hello`, 'close'],
  'a length with a sign': [`${ok('Content-Length: +5')}hello`, 'close'],
  'a length and chunks': [`${ok('Content-Length: 5', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`],
  'an encoding that is not chunked': [`${ok('Transfer-Encoding: gzip')}hello`, 'close'],
  'chunked twice': [`${ok('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}5\r\nhello\r\n0\r\n\r\n`],
  'a chunk size that is none': [`${ok('Transfer-Encoding: chunked')}zz\r\nhello\r\n0\r\n\r\n`],
  'a chunk size of nothing but zeros, and no end of them': [`${ok('Transfer-Encoding: chunked')}${'0'.repeat(2000)}`],
  'a chunk size beyond counting': [`${ok('Transfer-Encoding: chunked')}FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n`],
  'a chunk that is longer than it says': [`${ok('Transfer-Encoding: chunked')}2\r\nhello\r\n0\r\n\r\n`],
  'chunks with bare line feeds': [`${ok('Transfer-Encoding: chunked')}5\nhello\n0\n\n`],
  'a space before the colon': [`${ok('Content-Length : 5')}hello`, 'close'],
  'a header without a name': [`${ok(': x', 'Content-Length: 5')}hello`],
  'a header without a colon': [`${ok('X-Odd', 'Content-Length: 5')}hello`],
  'a folded header': [`${ok('X-Odd: a', ' b', 'Content-Length: 5')}hello`],
  'a NUL in a header': [`${ok('X-Odd: a\0b', 'Content-Length: 5')}hello`],
  'a bare CR in a header': [`${ok('X-Odd: a\rX-Other: b', 'Content-Length: 5')}hello`],
  'a head without an end': [`HTTP/1.1 200 OK\r\nX-Long: ${LONG}`],
  '1xx without an end': ['HTTP/1.1 102 Processing\r\n\r\n'.repeat(100)],
}

/** Others that a test looks into. */
const OTHER: Record<string, Step[]> = {
  cookies: [`${ok('Set-Cookie: a=1; Path=/', 'Set-Cookie: b=2, c', 'X-Same: 1', 'x-same: 2', 'Content-Length: 0')}`],
  hops: [
    ok(
      'Connection: keep-alive, X-Hop',
      'X-Hop: 1',
      'Keep-Alive: timeout=5',
      'Proxy-Authenticate: Basic',
      'Proxy-Connection: x',
      'Upgrade: h2c',
      'TE: trailers',
      'X-Kept: 1',
      'Content-Length: 0',
    ),
  ],
  repeated: [
    ok(
      'Via: 1.1 a',
      'Vary: A',
      'X-None:',
      'Via: 1.0 b',
      'Vary: B',
      'WWW-Authenticate: Basic realm="a, b"',
      'WWW-Authenticate: Bearer',
      'Content-Length: 0',
    ),
  ],
  '204 with a body': ['HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello'],
  '205 with a body': ['HTTP/1.1 205 Reset Content\r\nContent-Length: 5\r\n\r\nhello'],
  '304 with a body': ['HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello'],
  latin: [`${ok('X-Name: caf\xe9', 'Content-Length: 0')}`],
  untyped: [`${ok('Content-Length: 5')}hello`],
  'untyped and longer': [`${ok('Content-Length: 1000')}${'x'.repeat(1000)}`],
  empty: [ok('Content-Length: 0')],
  dated: [`${ok('Date: Tue, 15 Nov 1994 08:12:31 GMT', 'Server: own/1.0', 'Content-Length: 0')}`],
  'head with a length': [ok('Content-Length: 1234', 'Content-Type: text/x-own')],
  'head without a length, 200': [ok('Content-Type: text/x-own')],
  'head without a length, 404': ['HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n'],
  '304': ['HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 1234\r\n\r\n'],
  '204': ['HTTP/1.1 204 No Content\r\nX-Own: 1\r\n\r\n'],
  moved: [`HTTP/1.1 302 Found\r\nLocation: http://elsewhere.example/a?b#c\r\nContent-Length: 0\r\n\r\n`],
  gzip: [`${ok('Content-Encoding: gzip', 'Content-Length: 4')}\x1f\x8b\x00\xff`],
  ranged: ['HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 1-2/5\r\nContent-Length: 2\r\n\r\nel'],
  cors: [
    ok(
      'Access-Control-Allow-Origin: *',
      'Access-Control-Allow-Credentials: true',
      'Access-Control-Expose-Headers: X-Own',
      'Vary: Accept',
      'Content-Length: 0',
    ),
  ],
  identified: [ok('X-Request-Id: its-own', 'Content-Length: 0')],
  // the second is in nobody's name: it must not become the next caller's
  'two answers': [`${ok('Content-Length: 5')}helloHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`],
  'an answer and more, later': [
    `${ok('Content-Length: 5')}hello`,
    5,
    'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison',
  ],
  'cut off late': [ok('Content-Length: 5000000'), 'x'.repeat(300_000), 300, 'close'],
  'half a chunk': [`${ok('Transfer-Encoding: chunked')}5\r\nhel`, 'close'],
  'chunks cut off late': [ok('Transfer-Encoding: chunked'), '5\r\nhello\r\n', 300, 'close'],
  'bad chunk late': [ok('Transfer-Encoding: chunked'), '5\r\nhello\r\n', 300, 'zz\r\n'],
  events: [
    ok('Content-Type: text/event-stream', 'Transfer-Encoding: chunked'),
    ...[0, 1, 2, 3].flatMap(i => [`9\r\ndata: ${i}\n\n\r\n`, 'wait'] as Step[]),
    '0\r\n\r\n',
  ],
  'a slow length': [ok('Content-Length: 10', 'Content-Type: text/plain'), 'first', 'wait', 'later'],
  'never answered': [60_000],
  'closed behind': [`${ok('Content-Length: 5')}hello`, 20, 'close'],
}

export const ANSWERS: Record<string, Step[]> = { ...GOOD, ...BAD, ...OTHER }
