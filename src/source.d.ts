/** The module with all that it imports, as one string of script. */
declare module '*?source' {
  const source: string
  export default source
}
