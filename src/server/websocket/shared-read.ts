import { type ConnectOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** What came, which is the next connection's place too. */
export type TakeBytes = (bytes: Buffer, length: number) => void;

/** The most that Node.js decrypts at a time is 16 KiB, and reads without encryption 64. */
const shared = Buffer.allocUnsafeSlow(65_536);

interface Keys {
  readonly buffer: symbol;
  readonly callback: symbol;
}

const keys = findKeys();

/**
 * Has all that is read from a socket from now on put into one `buffer` that all such sockets share, and handed over from there. Node.js does so
 * for sockets that are made with its option `onread`, but a server's are made by it without. Otherwise each read allocates an ArrayBuffer,
 * and while V8 marks, each of those has it mark for 5 ms and more: half a second in the turn in which a hundred hosts speak.
 *
 * Says whether it could: where Node.js keeps the option otherwise, the socket reads as ever. Reading begins and stops by `resume` and `pause`.
 */
export function readShared(socket: Socket, take: TakeBytes, buffer = shared): boolean {
  const handle: unknown = Reflect.get(socket, '_handle');
  if (keys === undefined || typeof handle !== 'object' || handle === null) return false;
  const useUserBuffer: unknown = Reflect.get(handle, 'useUserBuffer');
  if (typeof useUserBuffer !== 'function') return false;
  Reflect.set(socket, keys.buffer, buffer);
  Reflect.set(socket, keys.callback, (length: number) => {
    take(buffer, length);
    return true;
  });
  Reflect.apply(useUserBuffer, handle, [buffer]);
  return true;
}

/** Where a socket keeps the option. */
function findKeys(): Keys | undefined {
  const callback = (): boolean => true;
  const options: SocketConstructorOpts & ConnectOpts = { onread: { buffer: shared, callback } };
  const socket = new Socket(options);
  const keyOf = (value: unknown) =>
    Object.getOwnPropertySymbols(socket).find((key) => Reflect.get(socket, key) === value);
  const found = { buffer: keyOf(shared), callback: keyOf(callback) };
  socket.destroy();
  return found.buffer !== undefined && found.callback !== undefined
    ? { buffer: found.buffer, callback: found.callback }
    : undefined;
}
