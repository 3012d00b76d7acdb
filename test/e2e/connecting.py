"""Connects to an address and port, from an address and port, and keeps the connection until its input ends. Tells when it calls and when it is answered."""
import json, os, socket, sys

to, port, own, own_port = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
caller = socket.socket()
caller.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
caller.bind((own, own_port))
print(json.dumps({'pid': os.getpid(), 'state': 'connecting'}), flush=True)
caller.connect((to, port))
print(json.dumps({'pid': os.getpid(), 'state': 'connected'}), flush=True)
sys.stdin.read()
