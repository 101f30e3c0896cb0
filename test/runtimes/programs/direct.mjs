import { tryAcquire, tryHeartbeat, tryRelease } from 'lockable'
import { say } from './say.mjs'

const [name] = process.argv.slice(2)
try {
  say({
    acquired: await tryAcquire(name),
    acquiredAgain: await tryAcquire(name),
    renewed: await tryHeartbeat(name),
    released: await tryRelease(name),
    renewedAfterwards: await tryHeartbeat(name),
    releasedAgain: await tryRelease(name),
  })
} catch (error) {
  say({ code: error.code })
}
