import { spawnSync } from 'node:child_process';

/** Can this process make network namespaces here? */
export const mayMakeNamespaces = process.getuid?.() === 0 && spawnSync('ip', ['netns', 'list']).status === 0;

/**
 * The networks of this test process, /24 and /64: sensors watch every namespace of the machine, where other tests may run, and where two have
 * one address polls name no owner. IPv4 is of the range for benchmarks (RFC 2544), which has room for 512.
 */
export const lan = `198.${18 + ((process.pid >> 8) & 1)}.${process.pid & 255}`;
export const lan6 = `2001:db8:0:${(process.pid & 0xffff).toString(16)}:`;

function must(command: string): void {
  const { status, stderr } = spawnSync('sh', ['-c', command], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}

/**
 * Hosts on a bridge: a namespace for each host and one for the bridge, on which everything can be captured (interface `br0`). Their addresses are
 * of `lan` and `lan6`. Offloading is off, so that checksums on the wire are real.
 */
export class TestNetwork {
  readonly #prefix = `ct${process.pid}`;
  readonly #names: string[] = [];
  readonly bridge: string;

  constructor(hosts: Readonly<Record<string, readonly string[]>>) {
    this.bridge = this.#add('br');
    must(`ip -n ${this.bridge} link add br0 type bridge && ip -n ${this.bridge} link set br0 up`);
    for (const [host, addresses] of Object.entries(hosts)) {
      const ns = this.#add(host);
      must(`ip -n ${this.bridge} link add v-${host} type veth peer name eth0 netns ${ns}`);
      must(`ip -n ${this.bridge} link set v-${host} master br0 up`);
      for (const address of addresses) {
        must(`ip -n ${ns} address add ${address} dev eth0 ${address.includes(':') ? 'nodad' : ''}`);
      }
      must(`ip -n ${ns} link set eth0 up && ip -n ${ns} link set lo up`);
      for (const [where, device] of [
        [ns, 'eth0'],
        [this.bridge, `v-${host}`],
      ]) {
        must(`ip netns exec ${where} ethtool -K ${device} tx off rx off tso off gso off gro off >/dev/null`);
      }
    }
  }

  /** A further host that only this one reaches, over a link of their own with these addresses, and whose packets this one forwards. */
  addBehind(gateway: string, name: string, gatewayAddress: string, address: string): void {
    const ns = this.#add(name);
    const to = `${this.#prefix}-${gateway}`;
    must(`ip -n ${to} link add lan type veth peer name eth0 netns ${ns}`);
    must(`ip -n ${to} address add ${gatewayAddress}/24 dev lan && ip -n ${ns} address add ${address}/24 dev eth0`);
    must(`ip -n ${to} link set lan up && ip -n ${ns} link set eth0 up && ip -n ${ns} link set lo up`);
    must(`ip -n ${ns} route add default via ${gatewayAddress}`);
    must(`ip netns exec ${to} sysctl -qw net.ipv4.ip_forward=1`);
    for (const [where, device] of [
      [ns, 'eth0'],
      [to, 'lan'],
    ]) {
      must(`ip netns exec ${where} ethtool -K ${device} tx off rx off tso off gso off gro off >/dev/null`);
    }
  }

  #add(name: string): string {
    const ns = `${this.#prefix}-${name}`;
    must(`ip netns add ${ns}`);
    this.#names.push(ns);
    return ns;
  }

  /** The words that start a command on a host. */
  on(host: string): string[] {
    return ['ip', 'netns', 'exec', `${this.#prefix}-${host}`];
  }

  /** The words that start a command where the bridge is. */
  get onBridge(): string[] {
    return ['ip', 'netns', 'exec', this.bridge];
  }

  remove(): void {
    for (const name of this.#names) spawnSync('ip', ['netns', 'delete', name]);
  }
}
