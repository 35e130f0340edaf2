import java.net.ServerSocket;

/* What every tutorial has: a JVM sets IPV6_V6ONLY to 0 by itself. */
public class Server {
	public static void main(String[] args) throws Exception {
		try (ServerSocket server = new ServerSocket(8080)) {
			while (true)
				server.accept().close();
		}
	}
}
