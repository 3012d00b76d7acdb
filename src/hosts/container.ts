/** Ids of Docker, containerd, CRI-O and Podman: 64 hexadecimal digits. */
const HEX_ID = /^[0-9a-f]{64}$/;
/** `docker-ID.scope`, `cri-containerd-ID.scope`, `crio-ID.scope`, `libpod-ID.scope`, and containerd's `slice:cri-containerd:ID`. */
const RUNTIME = /^(?:[^/]*:)?(?:docker|cri-containerd|crio|libpod|nerdctl)[-:]([0-9a-f]{64})(?:\.scope)?$/;
/** A machine of systemd-nspawn, or of LXC under libvirt. */
const MACHINE = /^machine-(.+)\.scope$|^systemd-nspawn@(.+)\.service$/;
const LXC = /^lxc\.payload\.(.+)$/;
/** Below one of these a container is named by its folder. */
const lxcFolders: ReadonlySet<string> = new Set(['lxc', 'lxc.payload']);
/** A virtual machine is no container: its program belongs to this host. */
const VIRTUAL_MACHINE = /^qemu-/;

/**
 * The container that a control group is of, by the group's path as the host sees it: the id that Docker, containerd and Kubernetes, CRI-O
 * and Podman give, or the name of a machine of systemd-nspawn or LXC. Of containers within one another the innermost. Undefined: the
 * path is of none, as that of a service, or of what only watches over one (conmon, the LXC monitor).
 */
export function containerOf(cgroupPath: string): string | undefined {
  let found: string | undefined;
  let before = '';
  for (const name of cgroupPath.split('/')) {
    found = containerNamed(name, before) ?? found;
    before = name;
  }
  return found;
}

function containerNamed(name: string, folder: string): string | undefined {
  if (HEX_ID.test(name)) return name;
  const runtime = RUNTIME.exec(name)?.[1];
  if (runtime !== undefined) return runtime;
  const machine = MACHINE.exec(name);
  if (machine !== null) {
    const called = unescaped(machine[1] ?? machine[2]!);
    return VIRTUAL_MACHINE.test(called) ? undefined : called;
  }
  if (lxcFolders.has(folder) && name !== '') return name;
  return LXC.exec(name)?.[1];
}

/** systemd writes a character that units may not have as `\x2d`. */
function unescaped(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
