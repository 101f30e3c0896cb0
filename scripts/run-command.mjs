import { spawn } from 'node:child_process'

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd]
 * @property {Record<string, string>} [env] in addition to ours.
 * @property {boolean} [quiet] drops what it writes, but for its errors.
 */

/**
 * Runs a program that writes to our output and has nothing to read.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions & { message?: (message: unknown) => void }} [options] `message` hears what the program sends to
 *   its parent.
 * @returns {Promise<number>} its exit code; 1 if a signal ended it.
 */
export function runCommand(command, args, { cwd, env, quiet = false, message } = {}) {
  const child = spawn(command, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
    stdio: ['ignore', quiet ? 'ignore' : 'inherit', 'inherit', ...(message ? [/** @type {const} */ ('ipc')] : [])],
  })
  if (message) child.on('message', message)
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`${command} cannot be run: ${error.message}`, { cause: error })))
    child.once('close', (code) => resolve(code ?? 1))
  })
}

/**
 * Runs a program as {@link runCommand} does; rejects if it fails.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export async function mustRun(command, args, options) {
  const code = await runCommand(command, args, options)
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')} failed with code ${code}.`)
}
