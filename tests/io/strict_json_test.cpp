#include "io/strict_json.h"

#include <gtest/gtest.h>

#include "expect_error.h"
#include "io/atomic_file.h"
#include "io/temp_folder.h"

namespace thalweg {
namespace {

using nlohmann::json;

TEST(JsonFile, AllowsComments) {
  TempFolder folder;
  write_file_atomically(folder / "a.json", "{ // one\n \"a\": /* two */ 1 }");
  EXPECT_EQ(read_json_file(folder / "a.json"), (json{{"a", 1}}));
}

TEST(JsonFile, NamesFileLineAndColumnOfASyntaxError) {
  TempFolder folder;
  const std::string path = folder / "bad.json";
  write_file_atomically(path, "{\n  \"a\": 1,\n  oops\n}");
  expect_usage_error([&] { read_json_file(path); }, path + ": parse error at line 3, column 3");
}

TEST(JsonFile, RefusesWhatIsNotOneDocument) {
  TempFolder folder;
  const std::string path = folder / "bad.json";
  for (const char* text : {"", "{}{}", "{\"a\": NaN}", "{\"a\": 1e999}", "{\"a\": \"\xff\"}", "{\"a\": 1"}) {
    write_file_atomically(path, text);
    expect_usage_error([&] { read_json_file(path); }, path);
  }
  expect_error([&] { read_json_file(folder / "none.json"); }, "No such file");
}

TEST(JsonFile, ErrorsAreTextEvenWhereTheFileIsNot) {
  TempFolder folder;
  const std::string path = folder / "bad.json";
  write_file_atomically(path, "{\"a\": \"\xff\"}");
  try {
    read_json_file(path);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_NO_THROW(static_cast<void>(json(error.what()).dump()));
  }
}

TEST(JsonFile, RefusesAKeyThatStandsTwice) {
  TempFolder folder;
  const std::string path = folder / "twice.json";
  write_file_atomically(path, R"({"a": {"lr": 1}, "b": {"lr": 1, "c": [{"lr": 1}], "lr": 2}})");
  expect_usage_error([&] { read_json_file(path); }, "\"lr\" appears twice");
}

}  // namespace
}  // namespace thalweg
