// A small HTTP server on 127.0.0.1 in a thread of the test process; it answers one request per connection.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace thalweg {

class HttpServer {
 public:
  struct Behaviour {
    std::string body;
    bool ranges = false;          // answers "Range: bytes=N-" with the rest
    std::size_t break_after = 0;  // closes the first connection after this many bytes of the body; 0: never
    bool silent = false;          // accepts connections but never answers
  };

  // Serves `behaviour.body` at /archive; 404 anywhere else.
  explicit HttpServer(Behaviour behaviour);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url(const std::string& path = "/archive") const;
  int num_requests() const { return num_requests_; }
  std::size_t body_bytes_sent() const { return body_bytes_sent_; }

 private:
  void serve();
  void answer(int connection);
  bool wait_for(int descriptor) const;  // waits until readable; false: the server must stop

  Behaviour behaviour_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<int> num_requests_ = 0;
  std::atomic<std::size_t> body_bytes_sent_ = 0;
  std::thread thread_;
};

}  // namespace thalweg
