import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { writeBundle } from './harness/applier.ts'
import { goldenPlan } from './harness/golden.ts'
import { SHARE } from './harness/machine.ts'
import { LIST, type Restartable, RUN_UNIT, restartable } from './harness/restarts.ts'

/** What comes back when a machine is started again. */

const test = suite<{ machine: Restartable }>('installed')

test.before.each((context) => {
  context.machine = restartable()
})
test.after.each(({ machine }) => machine.remove())

/** Folders of bundles in the machine. */
const bundles = ({ share }: Restartable, ...names: string[]): string[] =>
  names.map((name) => writeBundle({ folder: share }, goldenPlan(name)).path.replace(share, SHARE))

const begins = (output: string, pattern: RegExp): void => assert.match(output, pattern, output)

test('the last bundle that ended well comes back, whatever cleared the ruleset before the unit', async ({
  machine,
}) => {
  const [first] = bundles(machine, 'load-balancer')
  const before = await machine.start(
    `sh ${first}/apply.sh && sh ${first}/apply.sh install && echo -- && ${LIST}`,
  )
  assert.is(before.status, 0, before.output)
  const after = await machine.start(`test -z "$(ipvsadm-save -n)" || exit 9; ${RUN_UNIT}; echo --; ${LIST}`)
  begins(after.output, /apply: applied:[\s\S]*unit: 0/)
  const held = ({ output }: { output: string }) => output.split('--\n').at(-1)
  assert.is(held(after), held(before))
  // And a second time, with nothing left to do.
  const again = await machine.start(`${RUN_UNIT}; ipvsc-apply boot; ipvsc-apply check; echo "check: $?"`)
  begins(again.output, /apply: unchanged[\s\S]*check: 0/)
})

test('a bundle that was not confirmed, or that failed, does not come back', async ({ machine }) => {
  const [first, second] = bundles(machine, 'load-balancer', 'session-affinity')
  const status = (bundle: string | undefined) =>
    `ipvsc-apply check --bundle ${bundle} > /dev/null 2>&1; echo "holds: $?"`
  const one = await machine.start(
    `sh ${first}/apply.sh install; ipvsc-apply ${first}; ipvsc-apply ${second} --confirm 600; echo "end: $?"; ${status(second)}`,
  )
  begins(one.output, /nothing comes back after a restart until a bundle is applied[\s\S]*end: 0\nholds: 0/)
  const two = await machine.start(`${RUN_UNIT}; ${status(first)}
ipvsc-apply ${second} --confirm 600; ipvsc-apply confirm; echo "end: $?"`)
  begins(two.output, /unit: 0\nholds: 0[\s\S]*confirm: confirmed[\s\S]*end: 0/)
  // A tool that fails half way leads back, and so does the next start.
  const broken = `mkdir -p /tmp/broken; printf '#!/bin/sh\\ncase $* in *-batch*) case $* in *-o*) ;; *) exit 1 ;; esac ;; esac\\nexec /sbin/ip "$@"\\n' > /tmp/broken/ip; chmod 755 /tmp/broken/ip`
  const three = await machine.start(`${RUN_UNIT}; ${status(second)}
${broken}; PATH=/tmp/broken:$PATH ipvsc-apply ${first}; echo "end: $?"; ${status(second)}`)
  begins(three.output, /unit: 0\nholds: 0[\s\S]*end: 1\nholds: 0/)
  const four = await machine.start(`${RUN_UNIT}; ${status(second)}`)
  begins(four.output, /unit: 0\nholds: 0/)
})

test('a rollback changes what comes back, also when the node was started since', async ({ machine }) => {
  const [first, second] = bundles(machine, 'load-balancer', 'session-affinity')
  const holds = (bundle: string | undefined) =>
    `ipvsc-apply check --bundle ${bundle} > /dev/null 2>&1; echo "holds: $?"`
  const one = await machine.start(
    `sh ${first}/apply.sh install; ipvsc-apply ${first}; ipvsc-apply ${second}; ipvsc-apply rollback; ${holds(first)}`,
  )
  begins(one.output, /rollback: rolled back[\s\S]*holds: 0/)
  const two = await machine.start(`${RUN_UNIT}; ${holds(first)}; ipvsc-apply rollback; ${holds(second)}`)
  begins(two.output, /unit: 0\nholds: 0[\s\S]*going back to the bundle before[\s\S]*holds: 0/)
  const three = await machine.start(`${RUN_UNIT}; ${holds(second)}; ipvsc-apply cleanup; echo "end: $?"`)
  begins(three.output, /unit: 0\nholds: 0[\s\S]*nothing comes back after a restart[\s\S]*end: 0/)
  const four = await machine.start(`${RUN_UNIT}; ipvsadm-save -n; ipvsc-apply rollback; ${holds(second)}
ipvsc-apply uninstall; ls -AR /etc/systemd/system /usr/local/sbin /usr/local/lib | grep ipvsc; echo "left: $?"`)
  begins(
    four.output,
    /nothing comes back\napply: unchanged: nothing\nunit: 0\n(?!-A)[\s\S]*holds: 0[\s\S]*left: 1/,
  )
  const five = await machine.start(RUN_UNIT)
  begins(five.output, /^unit: none$/m)
})

test('a kept bundle that is damaged: the one before comes back, and it is said', async ({ machine }) => {
  const [first, second] = bundles(machine, 'load-balancer', 'session-affinity')
  await machine.start(`sh ${first}/apply.sh install; ipvsc-apply ${first}; ipvsc-apply ${second}`)
  const hurt = `current=$(sed -n 's/^current //p' /var/lib/ipvsc/kept/list); echo x >> /var/lib/ipvsc/kept/$current/wanted.state`
  const { output } = await machine.start(
    `${hurt}; ${RUN_UNIT}; ipvsc-apply check --bundle ${first} > /dev/null; echo "holds: $?"`,
  )
  begins(output, /error: the bundle that comes back is damaged[\s\S]*unit: 3\n[\s\S]*holds: 0/)
})

test('without systemd, it says what to run at a start', async ({ machine }) => {
  const [first] = bundles(machine, 'load-balancer')
  const hide = 'cp /bin/true /tmp/true; mount --bind /dev/null /usr/bin/systemctl'
  const { output } = await machine.start(
    `${hide}; sh ${first}/apply.sh install; echo "end: $?"; ls /etc/systemd/system | grep ipvsc`,
  )
  begins(
    output,
    /Run at each start, before kubelet[\s\S]*\/usr\/local\/sbin\/ipvsc-apply boot\n[\s\S]*end: 0\n$/,
  )
})

test.run()
