try {
  Deno.env.get('LOCKABLE_URL')
} catch {
  // Where somebody sits at the terminal, they were asked.
}
