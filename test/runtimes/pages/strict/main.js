import workerUrl from 'lockable/worker?url'
import { hold } from '../hold.js'

/** A page whose Content Security Policy forbids blob workers brings the worker as a file of its own. */
await hold(new URLSearchParams(location.search).get('worker') === 'file' ? workerUrl : 'auto')
