# Processes that give root up without an exec. `server ADDRESS`: a worker of a server that root bound takes the connections. `client ADDRESS PORT`:
# a worker connects after it gave root up; a daemon connects as root, gives it up and connects again; one has begun long before it does. Each prints
# what it did as JSON lines, with the real user of the moment of each call. All hold their connections until the input ends.
import ctypes
import json
import os
import signal
import socket
import sys
import time

NOBODY = 65534
PR_SET_PDEATHSIG = 1


def tell(**what):
    line = json.dumps({'pid': os.getpid(), 'uid': os.getresuid()[0], **what})
    # One write: several processes share the pipe, and print() writes the end of the line by itself where output is unbuffered.
    os.write(1, f'{line}\n'.encode())


def drop():
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    # With polling no user is told where it changed within the doubt about the clock around the first packet.
    time.sleep(0.005)


def serve(address):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, 0))
    listener.listen()
    if os.fork() == 0:
        drop()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        tell(port=listener.getsockname()[1])
        held = []
        while True:
            connection, peer = listener.accept()
            held.append(connection)
            tell(end='resp', peer=peer[1])
    sys.stdin.read()


def connect(kind, address, port):
    connection = socket.socket()
    connection.connect((address, port))
    tell(kind=kind, end='orig', peer=connection.getsockname()[1])
    connection.sendall(b'hello')
    return connection


def hold(*_):
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.read(0, 1)
    os._exit(0)


def client(address, port):
    if os.fork() == 0:
        drop()
        hold(connect('worker', address, port))
    if os.fork() == 0:
        kept = connect('before', address, port)
        time.sleep(0.6)
        drop()
        hold(kept, connect('after', address, port))
    if os.fork() == 0:
        time.sleep(4)
        drop()
        hold(connect('late', address, port))
    if any([os.wait()[1] for _ in range(3)]):
        sys.exit('a process failed')


if sys.argv[1] == 'server':
    serve(sys.argv[2])
else:
    client(sys.argv[2], int(sys.argv[3]))
