import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { writeBundle } from './harness/applier.ts'
import { goldenPlan } from './harness/golden.ts'
import { SHARE } from './harness/machine.ts'
import { type Restartable, RUN_UNIT, restartable } from './harness/restarts.ts'

/** What becomes of an installed node later: times to confirm that pass, drift, newer scripts, full disks. */

const test = suite<{ machine: Restartable }>('installed later')

test.before.each((context) => {
  context.machine = restartable()
})
test.after.each(({ machine }) => machine.remove())

/** Folders of bundles in the machine. */
const bundles = ({ share }: Restartable, ...names: string[]): string[] =>
  names.map((name) => writeBundle({ folder: share }, goldenPlan(name)).path.replace(share, SHARE))

const matches = (output: string, pattern: RegExp): void => assert.match(output, pattern, output)

const holds = (bundle: string | undefined): string =>
  `ipvsc-apply check --bundle ${bundle} > /dev/null 2>&1; echo "holds: $?"`

const BACK = 'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do ipvsc-apply status --json'

test('the first bundle that waits to be confirmed can be, and goes by itself where nobody does', async ({
  machine,
}) => {
  const [first] = bundles(machine, 'load-balancer')
  const gone = `${BACK} --bundle ${first} 2> /dev/null | grep -q '"unfinished":false' && break; sleep 1; done`
  const one = await machine.start(`sh ${first}/apply.sh install
ipvsc-apply ${first} --confirm 2; echo "end: $?"; sleep 2; ${gone}
echo "left: $(ipvsadm-save -n)"; ipvsc-apply confirm; echo "confirm: $?"`)
  matches(one.output, /end: 0\n[\s\S]*left: \n[\s\S]*confirm: 4\n/)
  const two = await machine.start(`${RUN_UNIT}; echo "left: $(ipvsadm-save -n)"
ipvsc-apply ${first} --confirm 600; ipvsc-apply confirm; echo "confirm: $?"`)
  matches(two.output, /unit: 0\nleft: \n[\s\S]*confirm: 0\n/)
  const three = await machine.start(`${RUN_UNIT}; ${holds(first)}`)
  matches(three.output, /unit: 0\nholds: 0/)
})

test('a time to confirm that passes leads back, and to the bundle before after a restart', async ({
  machine,
}) => {
  const [first, second] = bundles(machine, 'load-balancer', 'session-affinity')
  const gone = `${BACK} 2> /dev/null | grep -q '"unfinished":false' && break; sleep 1; done`
  const one = await machine.start(`sh ${first}/apply.sh install; ipvsc-apply ${first}
ipvsc-apply ${second} --confirm 2; echo "end: $?"; sleep 2; ${gone}; ${holds(first)}`)
  matches(one.output, /end: 0\nholds: 0\n/)
  const two = await machine.start(`${RUN_UNIT}; ${holds(first)}`)
  matches(two.output, /unit: 0\nholds: 0/)
})

test('the reconciling unit finds drift, or mends it', async ({ machine }) => {
  const [first] = bundles(machine, 'load-balancer')
  const unit = '/etc/systemd/system/ipvsc-reconcile.service'
  const reconcile = `env "$(sed -n 's/^Environment=//p' ${unit})" $(sed -n 's/^ExecStart=//p' ${unit})`
  const { output } = await machine.start(`sh ${first}/apply.sh install --reconcile check; ipvsc-apply ${first}
${reconcile}; echo "same: $?"; ipvsadm -C; ${reconcile}; echo "drift: $?"; ${reconcile}; echo "still: $?"
sh ${first}/apply.sh install --reconcile apply; ${reconcile}; echo "mended: $?"; ${reconcile}; echo "again: $?"; ${holds(first)}
ls /etc/systemd/system/timers.target.wants
sh ${first}/apply.sh install; ls /etc/systemd/system | grep -c reconcile`)
  matches(output, /same: 0\n[\s\S]*drift: 3\n[\s\S]*still: 3\n[\s\S]*apply: applied[\s\S]*mended: 0\n/)
  matches(output, /apply: unchanged[\s\S]*again: 0\nholds: 0\n[\s\S]*ipvsc-reconcile\.timer\n[\s\S]*\n0\n$/)
})

/** Shell: the bundle with a script of that version, signed with the key of the machine. */
const signedAs = (bundle: string | undefined, version: string, serial: number): string => `
sed -i 's/^SCRIPT_VERSION=.*/SCRIPT_VERSION=${version}/' ${bundle}/apply.sh
(cd ${bundle}; for name in $(awk '{ print $2 }' SHA256SUMS); do sha256sum "$name"; done > /tmp/sums; cat /tmp/sums > SHA256SUMS
printf 'format 1\\nsha256sums %s\\nnodes *\\nsigned-at %s\\nserial ${serial}\\n' "$(sha256sum < SHA256SUMS | cut -c1-64)" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" > signed.conf
rm -f signed.conf.sig; ssh-keygen -q -Y sign -f /tmp/key -n ipvsc-bundle signed.conf)`

test('a newer script in a signed bundle takes the place of the installed one; an older one, or one that nobody signed, does not', async ({
  machine,
}) => {
  const [first, second, third] = bundles(machine, 'load-balancer', 'session-affinity', 'load-balancer')
  const version = `sed -n 's/^SCRIPT_VERSION=/script: /p' /usr/local/lib/ipvsc/ipvsc-apply; sed -n 's/^version /record: /p' /var/lib/ipvsc/installed`
  const { output } = await machine.start(`ssh-keygen -q -t ed25519 -N '' -f /tmp/key
sh ${first}/apply.sh install; ipvsc-apply ${first}
sed 's/^SCRIPT_VERSION=.*/SCRIPT_VERSION=98.0.0/' ${third}/apply.sh > /tmp/apply; cp /tmp/apply ${third}/apply.sh
ipvsc-apply ${third}; echo "tampered: $?"; grep -c '98.0.0' /usr/local/lib/ipvsc/ipvsc-apply
mkdir -p /etc/ipvsc; echo "ops $(cat /tmp/key.pub)" > /etc/ipvsc/allowed_signers
${signedAs(second, '99.0.0', 1)}
ipvsc-apply ${second} --dry-run > /dev/null; grep -c '99.0.0' /usr/local/lib/ipvsc/ipvsc-apply
ipvsc-apply ${second}; echo "newer: $?"; ${version}; ${holds(second)}
${signedAs(third, '0.0.1', 2)}
ipvsc-apply ${third}; echo "older: $?"; ${version}; ${holds(third)}`)
  matches(output, /tampered: 4\n0\n[\s\S]*?0\n[\s\S]*brings a newer script \(ipvsc 99\.0\.0\)/)
  matches(output, /apply: applied[^\n]*\nnewer: 0\nscript: 99\.0\.0\nrecord: 99\.0\.0\nholds: 0/)
  matches(output, /older: 0\nscript: 99\.0\.0\nrecord: 99\.0\.0\nholds: 0/)
})

test('a full disk: nothing is half installed, half kept or half applied', async ({ machine }) => {
  const [first, second] = bundles(machine, 'load-balancer', 'session-affinity')
  const full = (folder: string) =>
    `mkdir -p ${folder}; mount -t tmpfs -o size=64k,mode=755 full ${folder}; dd if=/dev/zero of=${folder}/fill bs=4k 2> /dev/null`
  const { output } = await machine.start(`${full('/root/full')}
sh ${first}/apply.sh install --prefix /root/full; echo "install: $?"; find /root/full -type f | grep -vc fill
ls /etc/systemd/system /var/lib/ipvsc | grep -c '^ipvsc\\|^installed'
${full('/etc/systemd/system')}
sh ${first}/apply.sh install; echo "units: $?"; find /usr/local/lib/ipvsc /usr/local/sbin /etc/systemd/system -name '*ipvsc*' -type f | wc -l
umount /etc/systemd/system
sh ${first}/apply.sh install; ipvsc-apply ${first}; echo "first: $?"
cp -a /var/lib/ipvsc/kept /tmp/kept
mount -t tmpfs -o size=$(($(du -sk /tmp/kept | cut -f 1) + 60))k,mode=755 full /var/lib/ipvsc/kept; cp -a /tmp/kept/. /var/lib/ipvsc/kept/
ipvsc-apply ${second}; echo "second: $?"; ${holds(first)}; ls /var/lib/ipvsc/kept | grep -c 'new$'; sed -n 's/^current .*/kept/p' /var/lib/ipvsc/kept/list`)
  matches(output, /cannot install: [\s\S]*install: 4\n0\n0\n[\s\S]*cannot install: [\s\S]*units: 4\n0\n/)
  matches(output, /first: 0\n[\s\S]*is there room\?[\s\S]*second: 4\nholds: 0\n0\nkept\n/)
})

test.run()
