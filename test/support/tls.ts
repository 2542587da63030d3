/** Certificates for tests, made with the openssl command: an authority and what it signs. */
import { execFile } from 'node:child_process'
import { chmod, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A certificate and its private key: PEM texts, and the files that hold them. */
export interface Certificate {
  readonly cert: string
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
}

/** An authority of its own; files go to `folder`. */
export interface Authority extends Certificate {
  /** A certificate for a server that is reached as `names` (`DNS:localhost`, `IP:127.0.0.1`). */
  server(name: string, names?: readonly string[]): Promise<Certificate>
  client(name: string): Promise<Certificate>
}

/** Makes an authority. Brokers that change to a user of their own can read its files. */
export async function createAuthority(folder: string, name = 'test-ca'): Promise<Authority> {
  await chmod(folder, 0o755)
  const own = filesOf(folder, name)
  await openssl(['req', '-x509', ...NEW_KEY, '-days', '2', '-subj', `/CN=${name}`], own)
  const sign = async (subject: string, extensions: string): Promise<Certificate> => {
    const files = filesOf(folder, subject)
    const request = join(folder, `${subject}.csr`)
    const extensionFile = join(folder, `${subject}.ext`)
    await writeFile(extensionFile, extensions)
    await run('openssl', [
      ...['req', ...NEW_KEY, '-subj', `/CN=${subject}`],
      ...['-keyout', files.keyFile, '-out', request],
    ])
    await run('openssl', [
      ...['x509', '-req', '-in', request, '-CA', own.certFile, '-CAkey', own.keyFile],
      ...['-CAcreateserial', '-days', '2', '-extfile', extensionFile, '-out', files.certFile],
    ])
    return read(files)
  }
  return {
    ...(await read(own)),
    server: (subject, names = ['DNS:localhost', 'IP:127.0.0.1']) =>
      sign(subject, `subjectAltName=${names.join(',')}\nextendedKeyUsage=serverAuth\n`),
    client: (subject) => sign(subject, 'extendedKeyUsage=clientAuth\n'),
  }
}

interface Files {
  readonly certFile: string
  readonly keyFile: string
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

function filesOf(folder: string, name: string): Files {
  return { certFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) }
}

async function openssl(args: readonly string[], files: Files): Promise<void> {
  await run('openssl', [...args, '-keyout', files.keyFile, '-out', files.certFile])
}

async function read(files: Files): Promise<Certificate> {
  await Promise.all(Object.values(files).map((file) => chmod(file, 0o644)))
  const [cert, key] = await Promise.all([
    readFile(files.certFile, 'utf8'),
    readFile(files.keyFile, 'utf8'),
  ])
  return { ...files, cert, key }
}
