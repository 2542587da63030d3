/** The limit on open files that every process has: how it is recognised, and what to do about it. */

/** What is wrong, and what to do. */
export const OUT_OF_DESCRIPTORS =
  'No file descriptor is left: raise the limit of this process (ulimit -n, LimitNOFILE of systemd), or ' +
  'run fewer connections.'

/** Whether something failed because the process, or the machine, may open no more files and sockets. */
export function isOutOfDescriptors(error: unknown): boolean {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
  if (code === 'EMFILE' || code === 'ENFILE') return true
  // The loader of modules tells it in words only.
  return typeof message === 'string' && /too many open files/i.test(message)
}
