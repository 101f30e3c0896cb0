import { Course } from '../course.js'

/** Takes a lock, keeps it, and releases it by leaving the scope. */
const course = new Course('auto')
{
  await using _lockable = course.lockable
  await using lease = await course.lock.acquire()
  await course.keep(lease)
}
await course.report()
