import type { PackOptions } from '../commands/pack.ts'
import type { CheckSignatureOptions, SignOptions } from '../commands/sign.ts'
import { OUTPUT } from './options.ts'
import { command } from './rows.ts'

/** Commands about how a bundle gets to a node. */

export const SIGN = command({
  name: 'sign',
  description: 'Sign bundles with a key of OpenSSH, for nodes that take signed ones alone.',
  arguments: [{ name: '<bundles...>', description: 'folders of bundles' }],
  options: [
    {
      flags: '--key <file>',
      description: 'a private key, or a public one whose private key an agent or a token holds',
      isRequired: true,
    },
    {
      flags: '--nodes <names>',
      description: 'who may take it: A,B, with * and ? for any characters (default: the node of the bundle)',
    },
    {
      flags: '--expires <time>',
      description: 'until when a node may take it: a time, or 90d (default: for ever)',
    },
    {
      flags: '--serial <number>',
      description: 'what has to go up from bundle to bundle (default: the time in seconds)',
    },
    ...OUTPUT,
  ],
  notes:
    'It writes signed.conf and signed.conf.sig into the bundle, by "ssh-keygen -Y sign" (namespace ipvsc-bundle).',
  examples: [
    'ipvsc sign bundle --key ~/.ssh/id_ed25519',
    'ipvsc sign bundles/* --key release.pub --expires 30d',
  ],
  run: async ([bundles]: [string[]], options: SignOptions) => {
    const { sign } = await import('../commands/sign.ts')
    return sign(bundles, options)
  },
})

export const CHECK_SIGNATURE = command({
  name: 'check-signature',
  description: 'Say who signed a bundle, and whether a node would take it.',
  arguments: [{ name: '<bundle>', description: 'the folder of a bundle' }],
  options: [
    {
      flags: '--allowed-signers <file>',
      description: 'who may sign, as ssh-keygen(1) describes it',
      isRequired: true,
    },
    { flags: '--revoked-keys <file>', description: 'who no longer may: a KRL, or public keys' },
    { flags: '-n, --node <name>', description: 'whether this node may take it' },
    ...OUTPUT,
  ],
  examples: [],
  run: async ([bundle]: [string], options: CheckSignatureOptions) => {
    const { checkSignature } = await import('../commands/sign.ts')
    return checkSignature(bundle, options)
  },
})

export const PACK = command({
  name: 'pack',
  description: 'Put bundles of one or many nodes into one archive, the same bytes each time.',
  arguments: [{ name: '<bundles...>', description: 'folders of bundles, each of another node' }],
  options: [
    { flags: '-o, --out <file>', description: 'where to write, such as rules.tar.gz', isRequired: true },
    ...OUTPUT,
  ],
  notes: 'A node takes its own bundle out of it: "ipvsc-apply rules.tar.gz".',
  examples: ['ipvsc pack bundle -o worker-1.tar.gz', 'ipvsc pack bundles/* -o rules.tar.gz'],
  run: async ([bundles]: [string[]], options: PackOptions) => {
    const { packBundles } = await import('../commands/pack.ts')
    return packBundles(bundles, options)
  },
})
