/** An application that costs as little as it can: bench/router.ts forks it. */
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

const BODY = 'x'.repeat(128);
const ANSWER = Buffer.from(
  `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`,
);
const SWITCHED = Buffer.from(
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
);
const BLOCK = Buffer.alloc(256 * 1024, 120);

const download = (socket: Socket, bytes: number): void => {
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${bytes}\r\n\r\n`);
  let left = bytes;
  const more = (): void => {
    while (left > 0) {
      const piece = left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
      left -= piece.length;
      if (!socket.write(piece)) return;
    }
    socket.off('drain', more);
  };
  socket.on('drain', more);
  more();
};

/** Answers when the whole body has come; `next` takes what follows. */
const upload = (socket: Socket, missing: number, next: (chunk: Buffer) => void): void => {
  let left = missing;
  const onBody = (chunk: Buffer): void => {
    left -= chunk.length;
    if (left > 0) return;
    socket.off('data', onBody).on('data', next);
    socket.write(ANSWER);
  };
  socket.off('data', next).on('data', onBody);
  if (left <= 0) onBody(Buffer.alloc(0));
};

const serve = (socket: Socket): void => {
  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  const onData = (chunk: Buffer): void => {
    const head = chunk.toString('latin1', 0, Math.min(chunk.length, 4096));
    const [, kind, size] = /^\w+ \/(download|upload|socket)(?:\/(\d+))? /.exec(head) ?? [];
    if (kind === undefined) {
      // requests are answered one by one: each packet is one
      socket.write(ANSWER);
      return;
    }
    if (kind === 'socket') {
      socket.off('data', onData).resume();
      socket.write(SWITCHED);
    }
    if (kind === 'download') download(socket, Number(size));
    const begun = chunk.length - head.indexOf('\r\n\r\n') - 4;
    if (kind === 'upload') upload(socket, Number(size) - begun, onData);
  };
  socket.on('data', onData);
};

const server = createServer(serve).listen(0, '127.0.0.1', 1024, () =>
  process.send?.({ port: (server.address() as AddressInfo).port }),
);
process.on('disconnect', () => process.exit());
