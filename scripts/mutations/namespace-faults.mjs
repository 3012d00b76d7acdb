// Faults of network namespaces and containers.

const containers = 'test/join/containers.test.ts';

export const namespaceFaults = [
  {
    name: 'listener-of-any-namespace',
    file: 'src/join/candidate.ts',
    find: "if (had === 'no') return otherNamespace;",
    replace: '',
    tests: [containers],
    ci: true,
  },
  {
    name: 'loopback-of-any-namespace',
    file: 'src/join/candidate.ts',
    find: 'return namespace === ownNamespace ? contested(match, trial, socket, isThere) : otherNamespace;',
    replace: 'return contested(match, trial, socket, isThere);',
    tests: [containers],
  },
  {
    name: 'shared-address-certain',
    file: 'src/join/candidate.ts',
    find: 'return addresses.isShared(local.text) ? shared(found) : found;',
    replace: 'return found;',
    tests: [containers],
  },
  {
    name: 'container-address-of-any-host',
    file: 'src/join/packet-site.ts',
    find: 'this.owner = host;',
    replace: 'void host;',
    tests: [containers],
  },
  {
    name: 'container-address-never-in-doubt',
    file: 'src/join/packet-site.ts',
    find: 'return this.#place.doubtOf(host, this.#local);',
    replace: 'return host.id === this.#local ? this.#place.doubtOf(host, this.#local) : undefined;',
    tests: [containers],
    ci: true,
  },
  {
    name: 'monitor-in-container',
    file: 'src/hosts/container.ts',
    find: '(?:docker|cri-containerd|crio|libpod|nerdctl)[-:]',
    replace: '(?:docker|cri-containerd|crio|libpod|nerdctl)[-:](?:conmon-)?',
    tests: ['test/hosts/container.test.ts'],
  },
];
