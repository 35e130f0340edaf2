import com.sun.net.httpserver.HttpServer;
import java.io.*;
import java.net.*;
import java.nio.ByteBuffer;
import java.nio.channels.*;
import java.nio.charset.StandardCharsets;

/**
 * Servers serversocket|nio|datagram|httpserver PORT six|both
 *
 * Each of the JDK's kinds of server. A line (a datagram) comes back as it is, but `up`: the answer to it is
 * what a client of that kind gets from a server on 127.0.0.1. `both` has an IPv4 channel on the port first,
 * for "0.0.0.0" is :: to a JVM wherever it may choose.
 */
public class Servers {
	static final byte[] WORD = "v6shim\n".getBytes(StandardCharsets.US_ASCII);
	static final byte[] PAGE = "v6shim-page".getBytes(StandardCharsets.US_ASCII);

	interface Job {
		void run() throws IOException;
	}

	static void thread(Job job) {
		new Thread(() -> {
			try {
				job.run();
			} catch (IOException e) {
				e.printStackTrace();
			}
		}).start();
	}

	static String socketClient() throws IOException {
		try (ServerSocket server = new ServerSocket(0, 5, InetAddress.getByName("127.0.0.1"));
				Socket client = new Socket("127.0.0.1", server.getLocalPort());
				Socket peer = server.accept()) {
			peer.getOutputStream().write(WORD);
			return new BufferedReader(new InputStreamReader(client.getInputStream())).readLine();
		}
	}

	static String channelClient() throws IOException {
		try (ServerSocketChannel server = ServerSocketChannel.open()) {
			server.bind(new InetSocketAddress("127.0.0.1", 0));
			try (SocketChannel client = SocketChannel.open(server.getLocalAddress());
					SocketChannel peer = server.accept()) {
				peer.write(ByteBuffer.wrap(WORD));
				ByteBuffer buffer = ByteBuffer.allocate(WORD.length);
				while (buffer.hasRemaining() && client.read(buffer) >= 0)
					;
				return new String(buffer.array(), StandardCharsets.US_ASCII).trim();
			}
		}
	}

	static String datagramClient() throws IOException {
		InetAddress home = InetAddress.getByName("127.0.0.1");
		try (DatagramSocket server = new DatagramSocket(0, home); DatagramSocket client = new DatagramSocket()) {
			client.send(new DatagramPacket(WORD, WORD.length, home, server.getLocalPort()));
			DatagramPacket packet = new DatagramPacket(new byte[64], 64);
			server.setSoTimeout(5000);
			server.receive(packet);
			return new String(packet.getData(), 0, packet.getLength(), StandardCharsets.US_ASCII).trim();
		}
	}

	static void answer(Socket socket, boolean nio) throws IOException {
		try (socket) {
			String line = new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine();
			if ("up".equals(line))
				line = nio ? channelClient() : socketClient();
			socket.getOutputStream().write((line + "\n").getBytes(StandardCharsets.US_ASCII));
		}
	}

	static void accept(ServerSocketChannel server) {
		thread(() -> {
			while (true) {
				SocketChannel peer = server.accept();
				thread(() -> answer(peer));
			}
		});
	}

	static void answer(SocketChannel peer) throws IOException {
		answer(peer.socket(), true);
	}

	static void receive(DatagramChannel channel) {
		thread(() -> {
			ByteBuffer buffer = ByteBuffer.allocate(2048);
			while (true) {
				buffer.clear();
				SocketAddress from = channel.receive(buffer);
				channel.send(buffer.flip(), from);
			}
		});
	}

	static void receive(DatagramSocket socket) {
		thread(() -> {
			while (true) {
				DatagramPacket packet = new DatagramPacket(new byte[2048], 2048);
				socket.receive(packet);
				if (packet.getLength() == 2 && packet.getData()[0] == 'u')
					packet.setData(datagramClient().getBytes(StandardCharsets.US_ASCII));
				socket.send(packet);
			}
		});
	}

	static void page(HttpServer server) {
		server.createContext("/", exchange -> {
			byte[] body = PAGE;
			if (exchange.getRequestURI().getPath().equals("/up"))
				body = socketClient().getBytes(StandardCharsets.US_ASCII);
			exchange.sendResponseHeaders(200, body.length);
			exchange.getResponseBody().write(body);
			exchange.close();
		});
		server.start();
	}

	/** The IPv4 one of a pair answers as that kind does. */
	static void ipv4(String kind, int port) throws IOException {
		InetSocketAddress address = new InetSocketAddress("0.0.0.0", port);
		if (kind.equals("datagram")) {
			receive(DatagramChannel.open(StandardProtocolFamily.INET).bind(address));
			return;
		}
		ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.INET).bind(address);
		if (!kind.equals("httpserver")) {
			accept(server);
			return;
		}
		thread(() -> {
			while (true) {
				try (Socket peer = server.accept().socket()) {
					BufferedReader in = new BufferedReader(new InputStreamReader(peer.getInputStream()));
					while (!in.readLine().isEmpty())
						;
					peer.getOutputStream().write("HTTP/1.0 200 OK\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
					peer.getOutputStream().write(PAGE);
				}
			}
		});
	}

	public static void main(String[] args) throws Exception {
		String kind = args[0];
		int port = Integer.parseInt(args[1]);
		try {
			if (args[2].equals("both"))
				ipv4(kind, port);
			switch (kind) {
			case "serversocket":
				ServerSocket server = new ServerSocket(port);
				thread(() -> {
					while (true) {
						Socket peer = server.accept();
						thread(() -> answer(peer, false));
					}
				});
				break;
			case "nio":
				accept(ServerSocketChannel.open().bind(new InetSocketAddress(port)));
				break;
			case "datagram":
				receive(new DatagramSocket(port));
				break;
			case "httpserver":
				page(HttpServer.create(new InetSocketAddress(port), 0));
				break;
			default:
				throw new IllegalArgumentException(kind);
			}
		} catch (IOException e) {
			e.printStackTrace();
			System.exit(1);
		}
	}
}
