import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { fetchSend } from '../../src/platform/fetch-send.ts'
import { fetchStream } from '../../src/platform/fetch-stream.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const REQUEST = { method: 'POST', path: '/v1/session/stream', body: {}, authToken: null } as const

let server: Server
let url: string
/** The reply that has begun, and does not end by itself. */
let begun: Promise<ServerResponse>

beforeAll(async () => {
  server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(() => {
  server.closeAllConnections()
  server.close()
})

function answerOnce(type: string, text: string): void {
  begun = new Promise((resolve) => {
    server.once('request', (_request, response) => {
      response.writeHead(200, { 'content-type': type })
      response.write(text)
      resolve(response)
    })
  })
}

/** Whatever only a weak reference leads to is gone afterwards. */
async function forgetRequests(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) {
    collectGarbage()
    await new Promise((resume) => setImmediate(resume))
  }
}

it('a stream ends when it is aborted, though its request was collected as garbage', async () => {
  answerOnce('text/event-stream', ':\n\n')
  const abort = new AbortController()
  const signs: (string | null)[] = []
  const over = fetchStream(url)(REQUEST, { signal: abort.signal, heard: (data) => signs.push(data) })
  const reply = await begun
  const closed = once(reply, 'close')
  while (signs.length < 2) await new Promise((resume) => setImmediate(resume))
  await forgetRequests()
  abort.abort('enough')
  await expect(over).rejects.toBe('enough')
  await closed
})

it('a request is given up in time, though only half of its reply ever comes', async () => {
  answerOnce('application/json', '{')
  const answered = fetchSend(url)(REQUEST, { timeoutMs: 300 })
  const refused = expect(answered).rejects.toMatchObject({ code: 'network', timedOut: true })
  await begun
  await forgetRequests()
  await refused
})
