// Checks of the thalweg::Error that something throws: its message, and its exit code.
#pragma once

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "base/error.h"

namespace thalweg {

// Its message; empty where none is thrown.
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
