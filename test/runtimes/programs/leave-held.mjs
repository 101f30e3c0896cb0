import { Lockable } from 'lockable'
import { say } from './say.mjs'

const [url, name, leaseDuration] = process.argv.slice(2)
const lease = await new Lockable({ url, leaseDuration: Number(leaseDuration) }).acquire(name)
say({ state: lease.state })
