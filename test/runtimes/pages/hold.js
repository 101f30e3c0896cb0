import { Course } from './course.js'

/**
 * Takes a lock, keeps it, and releases it.
 *
 * @param worker as in the options of a client.
 */
export async function hold(worker) {
  const course = new Course(worker)
  const lease = await course.lock.acquire()
  await course.keep(lease)
  await lease.release()
  await course.lockable.close()
  await course.report()
}
