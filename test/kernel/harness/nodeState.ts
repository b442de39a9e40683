import { existsSync, readFileSync } from 'node:fs'
import { parseIpAddr } from '../../../src/index.ts'
import type { Lab, Namespace } from './lab.ts'

/** Loads what the tools of a node once listed, as a recorded case of a real kube-proxy holds it. */
export async function loadRecorded(lab: Lab, node: Namespace, folder: string): Promise<void> {
  const text = (name: string): string =>
    existsSync(`${folder}/${name}`) ? readFileSync(`${folder}/${name}`, 'utf8') : ''
  const sets = text('ipset-save').split('\n')
  const ordered = ['create', 'add'].flatMap((verb) => sets.filter((line) => line.startsWith(`${verb} `)))
  const addresses = parseIpAddr(text('ip-addr.json')).filter((entry) => entry.interface === 'kube-ipvs0')
  const batch = [
    'link set lo up',
    'link add kube-ipvs0 type dummy',
    ...addresses.map(({ address }) => `addr add ${address} dev kube-ipvs0`),
  ]
  await lab.run('modprobe -a ip_vs dummy')
  await lab.run(
    `set -e
ip -batch - <<'END'
${batch.join('\n')}
END
ipset restore <<'END'
${ordered.join('\n')}
END
iptables-nft-restore < '${folder}/iptables-save'
ip6tables-nft-restore < '${folder}/ip6tables-save'
ipvsadm -R < '${folder}/ipvsadm-save'
`,
    { in: node },
  )
}
