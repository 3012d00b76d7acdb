"""Serves pages of 5,000 bytes: web-server.py ADDRESS PORT [SECONDS]. A page comes in slices over so many seconds (0), so that its connection
lasts; says `ready` when it listens."""
import http.server, sys, time

SLICES = 10
address, port = sys.argv[1], int(sys.argv[2])
seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 0


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header('Content-Length', str(500 * SLICES))
        self.end_headers()
        for _ in range(SLICES):
            self.wfile.write(b'x' * 500)
            self.wfile.flush()
            if seconds > 0:
                time.sleep(seconds / SLICES)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer((address, port), Handler)
print('ready', flush=True)
server.serve_forever()
