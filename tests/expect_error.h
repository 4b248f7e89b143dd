// Checks the message and exit code of a thrown thalweg::Error.
#pragma once

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "base/error.h"

namespace thalweg {

// Returns the message of the Error that `action` throws; empty if it throws none.
inline std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline void expect_error(const std::function<void()>& action, const std::string& text,
                         ExitCode code = ExitCode::kFailure) {
  try {
    action();
    ADD_FAILURE() << "no error; expected one with: " << text;
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find(text), std::string::npos)
        << "message: " << error.what() << "\nexpected in it: " << text;
    EXPECT_EQ(error.code(), code) << error.what();
  }
}

inline void expect_usage_error(const std::function<void()>& action, const std::string& text) {
  expect_error(action, text, ExitCode::kUsage);
}

}  // namespace thalweg
