#include "base/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <optional>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace thalweg {
namespace {

// Whether the stream is a terminal that can redraw a line. NO_COLOR is irrelevant (no colour is used), TERM=dumb is
// not.
bool is_terminal(std::FILE* stream) {
  const char* term = std::getenv("TERM");
  return isatty(fileno(stream)) != 0 && term != nullptr && std::string(term) != "dumb";
}

std::string bar(double fraction, std::size_t width) {
  const auto full = static_cast<std::size_t>(fraction * static_cast<double>(width));
  return std::string(full, '#') + std::string(width - full, '.');
}

// The width of a terminal; nullopt if it is unknown.
std::optional<std::size_t> columns_of(std::FILE* stream) {
  winsize size = {};
  if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return std::nullopt;
  return size.ws_col;
}

// Shortens the line to the terminal's width, since a wrapped line cannot be overwritten: the bar shrinks and is dropped
// first, then the end of the text is cut off.
std::string fit_line(const std::string& title, double fraction, const std::string& numbers,
                     std::optional<std::size_t> columns) {
  constexpr std::size_t kBar = 24, kLeastBar = 6;
  const std::size_t most = columns.value_or(std::string::npos) - 1;
  const std::size_t others = title.size() + numbers.size() + std::size(" [] ") - 1;
  const std::size_t room = most > others ? most - others : 0;
  if (room < kLeastBar) return fmt::format("{} {}", title, numbers).substr(0, most);
  return fmt::format("{} [{}] {}", title, bar(fraction, std::min(room, kBar)), numbers);
}

std::string format_rate(double rate) {
  return rate >= 100 ? fmt::format("{:.0f}", rate)
         : rate >= 1 ? fmt::format("{:.1f}", rate)
                     : fmt::format("{:.3f}", rate);
}

}  // namespace

std::string format_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  const auto s = static_cast<std::int64_t>(std::llround(seconds));
  if (s >= 3600) return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
  if (s >= 60) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}s", s);
}

Progress::Progress(std::string title, std::string unit, double total, double done, ProgressMode mode, std::FILE* stream)
    : title_(std::move(title)),
      unit_(std::move(unit)),
      total_(total),
      first_(done),
      done_(done),
      mode_(mode == ProgressMode::kAuto ? (is_terminal(stream) ? ProgressMode::kBar : ProgressMode::kLines) : mode),
      stream_(stream),
      start_(Clock::now()),
      last_draw_(start_) {}

Progress::~Progress() {
  if (!finished_ && mode_ == ProgressMode::kBar) std::fputc('\n', stream_);
}

void Progress::update(double done, const std::string& detail) {
  done_ = done;
  detail_ = detail;
  const double since = seconds_since(last_draw_);
  if (since >= (mode_ == ProgressMode::kBar ? 0.1 : 10.0)) draw(false);
}

void Progress::finish(const std::string& detail) {
  if (!detail.empty()) detail_ = detail;
  finished_ = true;
  draw(true);
}

void Progress::draw(bool last) {
  if (mode_ == ProgressMode::kQuiet) return;
  last_draw_ = Clock::now();
  const double elapsed = std::chrono::duration<double>(last_draw_ - start_).count();
  const double rate = elapsed > 0 ? (done_ - first_) / elapsed : 0;
  const double fraction = total_ > 0 ? std::clamp(done_ / total_, 0.0, 1.0) : 1.0;
  const std::string time =
      last ? format_duration(elapsed) : "ETA " + format_duration(rate > 0 ? (total_ - done_) / rate : NAN);
  const std::string numbers =
      fmt::format("{:3.0f}%  {} {}/s  {}  {}", fraction * 100, format_rate(rate), unit_, detail_, time);
  if (mode_ == ProgressMode::kBar) {
    write(fmt::format("\r\033[K{}{}", fit_line(title_, fraction, numbers, columns_of(stream_)), last ? "\n" : ""));
  } else {
    write(fmt::format("{}: {}\n", title_, numbers));
  }
}

// Write errors are ignored: the work goes on without its progress line.
void Progress::write(const std::string& text) {
  std::fputs(text.c_str(), stream_);
  std::fflush(stream_);
}

}  // namespace thalweg
