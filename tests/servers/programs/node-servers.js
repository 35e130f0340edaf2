// node-servers.js http|udp PORT six|both - `both` binds 0.0.0.0 first, then ::. An http server answers /up
// with what its own client gets from http://127.0.0.1; a UDP server sends back what it gets.
'use strict';
const http = require('http');
const dgram = require('dgram');
const [kind, port, families] = process.argv.slice(2);
const addresses = families === 'both' ? ['0.0.0.0', '::'] : ['::'];

function page(request, response) {
	if (request.url !== '/up')
		return response.end('v6shim-page');
	const upstream = http.createServer((q, r) => r.end('v6shim-page'));
	upstream.listen(0, '127.0.0.1', () => {
		http.get({ host: '127.0.0.1', port: upstream.address().port, agent: false }, (r) => {
			r.pipe(response);
			upstream.close();
		});
	});
}

function serveUdp(address) {
	const socket = dgram.createSocket(address === '::' ? 'udp6' : 'udp4');
	// bind with a callback takes errors for itself.
	socket.on('error', (error) => {
		throw error;
	});
	socket.on('message', (message, from) => {
		if (String(message) !== 'up')
			return socket.send(message, from.port, from.address);
		// Its own client side: to a server of its own, over IPv4.
		const server = dgram.createSocket('udp4');
		server.on('message', (m, f) => server.send('v6shim', f.port, f.address));
		server.bind(0, '127.0.0.1', () => {
			const client = dgram.createSocket('udp4');
			client.on('message', (m) => {
				socket.send(m, from.port, from.address);
				client.close();
				server.close();
			});
			client.send('x', server.address().port, '127.0.0.1');
		});
	});
	return new Promise((done) => socket.bind(+port, address, done));
}

async function main() {
	for (const address of addresses) {
		if (kind === 'udp')
			await serveUdp(address);
		else
			await new Promise((done) => http.createServer(page).listen(+port, address, done));
	}
}
main();
