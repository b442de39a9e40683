import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SIGNATURE_NAMESPACE } from '../bundle/signed.ts'
import { FailedError, RefusedError, UsageError } from './exit.ts'
import { exists } from './output.ts'

/** Signatures by OpenSSH's ssh-keygen: keys, agents and hardware keys that people have are theirs to ask for. */

interface Said {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Questions (a passphrase, a touch) come from ssh-keygen itself; `onLine` gets what else it says meanwhile. */
function sshKeygen(words: readonly string[], input: string, onLine = (_: string): void => {}): Promise<Said> {
  return new Promise((resolve, reject) => {
    const child = spawn('ssh-keygen', words, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, TZ: 'UTC0' },
    })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (data) => {
      stdout += data
    })
    child.stderr.on('data', (data) => {
      stderr += data
      onLine(String(data))
    })
    child.on('error', (error: NodeJS.ErrnoException) => {
      const problem = error.code === 'ENOENT' ? 'it is not installed (openssh-client)' : error.message
      reject(new FailedError(`cannot run ssh-keygen: ${problem}`))
    })
    child.on('close', (status) => resolve({ status: status ?? 137, stdout, stderr }))
    // It may end before it has read all.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

const words = (text: string): string => text.trim().split('\n').join('; ')

/** Signs a text: the signature, in OpenSSH's armour. */
export async function signText(text: string, key: string, onLine: (line: string) => void): Promise<string> {
  if (!exists(key)) throw new UsageError(`there is no key ${key}`)
  const { status, stdout, stderr } = await sshKeygen(
    ['-q', '-Y', 'sign', '-f', key, '-n', SIGNATURE_NAMESPACE],
    text,
    onLine,
  )
  if (status !== 0 || !stdout.startsWith('-----BEGIN SSH SIGNATURE-----'))
    throw new FailedError(
      `ssh-keygen did not sign with ${key}: ${words(stderr) || `it ended with ${status}`}`,
    )
  return stdout
}

export interface Signers {
  /** A file of allowed signers, as ssh-keygen(1) describes it. */
  readonly allowedSigners: string
  /** Keys that may no longer sign: a KRL, or public keys. */
  readonly revokedKeys?: string | undefined
}

/** Who made a signature of a text: one of the allowed signers. A RefusedError says why it does not count. */
export async function signerOf(text: string, signature: string, signers: Signers): Promise<string> {
  const { allowedSigners, revokedKeys } = signers
  for (const file of [allowedSigners, revokedKeys])
    if (file !== undefined && !exists(file)) throw new UsageError(`there is no file ${file}`)
  const folder = mkdtempSync(join(tmpdir(), 'ipvsc-'))
  try {
    const file = join(folder, 'signature')
    writeFileSync(file, signature, { flag: 'wx', mode: 0o600 })
    const found = await sshKeygen(['-Y', 'find-principals', '-s', file, '-f', allowedSigners], '')
    if (found.status !== 0)
      throw new RefusedError(`the signature is of nobody whom ${allowedSigners} names, or is damaged`)
    const revoked = revokedKeys === undefined ? [] : ['-r', revokedKeys]
    let problem = ''
    for (const principal of found.stdout.split(/[\n,]/).filter((name) => name !== '')) {
      const options = [
        '-f',
        allowedSigners,
        '-I',
        principal,
        '-n',
        SIGNATURE_NAMESPACE,
        '-s',
        file,
        ...revoked,
      ]
      const { status, stdout, stderr } = await sshKeygen(['-Y', 'verify', ...options], text)
      if (status === 0) return principal
      problem = words(`${stderr}${stdout}`)
    }
    throw new RefusedError(`the signature is not good: ${problem}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
