#include "data/http_server.h"

#include <stdexcept>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace thalweg {
namespace {

void send_all(int connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;  // the client hung up
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

// Returns N from "Range: bytes=N-", or 0 if the request has no such header.
std::size_t range_start(const std::string& request) {
  const std::string key = "Range: bytes=";
  const auto at = request.find(key);
  return at == std::string::npos ? 0 : std::stoull(request.substr(at + key.size()));
}

}  // namespace

HttpServer::HttpServer(Behaviour behaviour) : behaviour_(std::move(behaviour)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (listener_ < 0 || ::bind(listener_, generic, size) != 0 || ::listen(listener_, 8) != 0 ||
      ::getsockname(listener_, generic, &size) != 0) {
    throw std::runtime_error("no local server");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { serve(); });
}

HttpServer::~HttpServer() {
  stop_ = true;
  thread_.join();
  ::close(listener_);
}

std::string HttpServer::url(const std::string& path) const {
  return fmt::format("http://127.0.0.1:{}{}", port_, path);
}

bool HttpServer::wait_for(int descriptor) const {
  pollfd poll_for{.fd = descriptor, .events = POLLIN, .revents = 0};
  while (!stop_) {
    if (::poll(&poll_for, 1, 20) > 0) return true;
  }
  return false;
}

void HttpServer::serve() {
  while (wait_for(listener_)) {
    const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    answer(connection);
    ::close(connection);
  }
}

void HttpServer::answer(int connection) {
  std::string request;
  char buffer[4096];
  while (request.find("\r\n\r\n") == std::string::npos) {
    if (!wait_for(connection)) return;
    const ssize_t count = ::recv(connection, buffer, sizeof(buffer), 0);
    if (count <= 0) return;
    request.append(buffer, static_cast<std::size_t>(count));
  }
  const bool first_request = ++num_requests_ == 1;
  if (behaviour_.silent) {
    wait_for(connection);  // until the client hangs up
    return;
  }
  if (!request.starts_with("GET /archive ")) {
    send_all(connection, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return;
  }
  const std::string& body = behaviour_.body;
  const std::size_t start = behaviour_.ranges ? range_start(request) : 0;
  if (start >= body.size() && start > 0) {
    send_all(connection, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    return;
  }
  const std::string range = fmt::format("Content-Range: bytes {}-{}/{}\r\n", start, body.size() - 1, body.size());
  send_all(connection,
           fmt::format("HTTP/1.1 {}\r\nContent-Length: {}\r\n{}Connection: close\r\n\r\n",
                       start > 0 ? "206 Partial Content" : "200 OK", body.size() - start, start > 0 ? range : ""));
  const bool breaks = first_request && behaviour_.break_after > 0;
  const auto part = std::string_view(body).substr(start, breaks ? behaviour_.break_after : std::string::npos);
  body_bytes_sent_ += part.size();
  send_all(connection, part);
}

}  // namespace thalweg
