export const RUNTIMES_FOLDER: string
export function findChromium(): string | null
export function findFirefox(): string | null
export function findWebKit(): { driver: string; browser: string; screen: string } | null
export function findDeno(): string | null
export function findBun(): string | null
export function findCurl(): string | null
export function findPostgres(): string | null
export function findEtcd(): string | null
export const CHROMIUM_ARGS: string[]
