// A web application as Outcry likes it: listens on PORT, says who it is, ends on SIGTERM.
const http = require('node:http');

const instance = process.env.CF_INSTANCE_INDEX ?? '?';
const server = http.createServer((request, response) => {
  response.setHeader('content-type', 'text/plain; charset=utf-8');
  response.end(`Hello from instance ${instance}\n`);
});

server.listen(Number(process.env.PORT ?? 8080), () => {
  console.log(`listening on ${server.address().port} as instance ${instance}`);
});

process.on('SIGTERM', () => server.close(() => process.exit(0)));
