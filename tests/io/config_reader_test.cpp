#include "io/config_reader.h"

#include <cmath>

#include <gtest/gtest.h>

#include "expect_error.h"

namespace thalweg {
namespace {

using nlohmann::json;

TEST(ConfigReader, GivesValuesAndFallbacks) {
  const json config = json::parse(R"({"on": true, "n": 3, "lr": 0.5, "name": "vgg", "kind": "b", "xs": [1, 2.5],
                                      "ns": [1, -2], "raw": {"x": [1]}})");
  ConfigReader reader(config, "");
  EXPECT_TRUE(reader.get_bool("on", false));
  EXPECT_EQ(reader.get_int("n", 7, 0), 3);
  EXPECT_EQ(reader.required_int("n", 0), 3);
  EXPECT_EQ(reader.get_double("lr", 0.1, 0), 0.5);
  EXPECT_EQ(reader.required_double("n", 0), 3.0);
  EXPECT_EQ(reader.get_string("name", ""), "vgg");
  EXPECT_EQ(reader.required_string("name"), "vgg");
  EXPECT_EQ(reader.get_choice("kind", "a", {"a", "b"}), "b");
  EXPECT_EQ(reader.get_doubles("xs", {}), (std::vector<double>{1, 2.5}));
  EXPECT_EQ(reader.get_ints("ns", {}), (std::vector<std::int64_t>{1, -2}));
  EXPECT_EQ(reader.get_json("raw")["x"][0], 1);
  EXPECT_EQ(reader.get_int("absent", 7, 0), 7);
  EXPECT_EQ(reader.get_doubles("absent2", {4}), (std::vector<double>{4}));
  EXPECT_TRUE(reader.get_json("absent3").is_null());
  EXPECT_FALSE(reader.has("absent"));
  EXPECT_NO_THROW(reader.finish());
}

TEST(ConfigReader, FallbacksNeedNotBeInRange) {
  const json config = json::object();
  EXPECT_EQ(ConfigReader(config, "").get_int("steps", -1, 0), -1);
}

TEST(ConfigReader, NamesTheNearestKeyWithItsFullPath) {
  const json config = json::parse(R"({"schedule": {"lrr": 1}})");
  ConfigReader schedule = ConfigReader(config, "train").get_object("schedule");
  schedule.get_double("momentum", 0, 0);
  schedule.get_double("lr", 0, 0);
  expect_usage_error([&] { schedule.finish(); },
                     "unknown key \"train.schedule.lrr\": did you mean \"train.schedule.lr\"?");
}

TEST(ConfigReader, NamesNoKeyThatIsFarFromTheOneThatCame) {
  const json config = json::parse(R"({"lr": 1})");
  ConfigReader reader(config, "train");
  reader.get_int("batch", 0, 0);
  reader.get_object("schedule");
  expect_usage_error([&] { reader.finish(); }, "unknown key \"train.lr\". Known here: \"batch\", \"schedule\"");
}

TEST(ConfigReader, RefusesAnyKeyWhereNoneIsKnown) {
  const json config = json::parse(R"({"x": 1})");
  expect_usage_error([&] { ConfigReader(config, "").finish(); }, "unknown key \"x\"");
}

TEST(ConfigReader, SuggestsAlsoWhatIsOnlyReadWhereItStands) {
  const json config = json::parse(R"({"branchs": 1})");
  ConfigReader reader(config, "");
  reader.get_int("batch", 0, 0);
  EXPECT_FALSE(reader.has("branches"));
  expect_usage_error([&] { reader.finish(); }, "did you mean \"branches\"? Known here: \"batch\", \"branches\"");
}

TEST(ConfigReader, TellsWhoseTextCannotBeRead) {
  const json config = json::object();
  const ConfigReader reader(config, "landscape");
  reader.parse("grid", [] {});
  expect_usage_error([&] { reader.parse("grid", [] { fail_usage("so many points"); }); },
                     "landscape.grid: so many points");
}

TEST(ConfigReader, HasDoesNotMakeAKeyKnown) {
  const json config = json::parse(R"({"x": 1})");
  ConfigReader reader(config, "");
  EXPECT_TRUE(reader.has("x"));
  expect_usage_error([&] { reader.finish(); }, "unknown key \"x\"");
}

TEST(ConfigReader, SaysWhichTypeItExpectedAndWhatCame) {
  const json config = json::parse(R"({"s": "fast", "n": 3, "b": true, "o": {}, "a": [1, "x"], "z": null})");
  ConfigReader reader(config, "run");
  expect_usage_error([&] { reader.get_double("s", 0, 0); },
                     "run.s: expected a finite number of at least 0, got string \"fast\"");
  expect_usage_error([&] { reader.get_bool("n", false); }, "run.n: expected true or false, got number 3");
  expect_usage_error([&] { reader.get_int("b", 0, 0); }, "run.b: expected an integer of at least 0, got boolean true");
  expect_usage_error([&] { reader.get_string("n", ""); }, "run.n: expected a string, got number 3");
  expect_usage_error([&] { reader.get_doubles("n", {}); }, "run.n: expected an array of numbers, got number 3");
  expect_usage_error([&] { reader.get_doubles("a", {}); }, "run.a.1: expected a finite number, got string \"x\"");
  expect_usage_error([&] { reader.get_ints("a", {}); }, "run.a.1: expected an integer, got string \"x\"");
  expect_usage_error([&] { reader.get_object("a"); }, "run.a: expected an object, got array");
  expect_usage_error([&] { reader.get_string("z", ""); }, "run.z: expected a string, got null");
  expect_usage_error(
      [&] {
        reader.get_choice("s", "", {"a", "b"});
      },
      "run.s: expected one of \"a\", \"b\", got string \"fast\"");
  expect_usage_error([&] { reader.get_choice("n", "", {"a"}); }, "run.n: expected one of");
  expect_usage_error([] { ConfigReader(json(3), ""); }, "the configuration: expected an object, got number 3");
}

TEST(ConfigReader, RefusesValuesOutOfRange) {
  const json config = json::parse(R"({"n": 5, "x": -0.5, "huge": 18446744073709551615})");
  ConfigReader reader(config, "");
  EXPECT_EQ(reader.get_int("n", 0, 5, 5), 5);
  expect_usage_error([&] { reader.get_int("n", 0, 6); }, "n: expected an integer of at least 6, got number 5");
  expect_usage_error([&] { reader.get_int("n", 0, 1, 4); }, "n: expected an integer from 1 to 4, got number 5");
  expect_usage_error([&] { reader.get_double("x", 0, 0, 1); },
                     "x: expected a finite number from 0 to 1, got number -0.5");
  expect_usage_error([&] { reader.get_int("huge", 0, 0); }, "huge: expected an integer");
}

TEST(ConfigReader, RefusesNumbersThatAreNotFinite) {
  const double infinity = std::numeric_limits<double>::infinity();
  const json config = {{"nan", std::nan("")}, {"inf", infinity}, {"list", {1.0, -infinity}}};
  ConfigReader reader(config, "");
  expect_usage_error([&] { reader.get_double("nan", 0, -1); }, "got number nan");
  expect_usage_error([&] { reader.get_double("inf", 0, 0); }, "got number inf");
  expect_usage_error([&] { reader.get_int("nan", 0, 0); }, "nan: expected an integer");
  expect_usage_error([&] { reader.get_int("inf", 0, 0); }, "inf: expected an integer");
  expect_usage_error([&] { reader.get_doubles("list", {}); }, "list.1: expected a finite number");
}

TEST(ConfigReader, TakesFloatsAsIntegersOnlyWhenTheyAre) {
  const json config = json::parse(R"({"a": 1e3, "b": 3.0, "c": 2.5, "d": 1e30, "e": -9223372036854775808.0})");
  ConfigReader reader(config, "");
  EXPECT_EQ(reader.get_int("a", 0, 0), 1000);
  EXPECT_EQ(reader.get_int("b", 0, 0), 3);
  expect_usage_error([&] { reader.get_int("c", 0, 0); }, "c: expected an integer");
  expect_usage_error([&] { reader.get_int("d", 0, 0); }, "d: expected an integer");
  EXPECT_EQ(reader.get_int("e", 0, std::numeric_limits<std::int64_t>::min()), std::numeric_limits<std::int64_t>::min());
}

TEST(ConfigReader, RequiresWhatIsRequired) {
  const json config = json::object();
  ConfigReader reader(config, "train");
  expect_usage_error([&] { reader.required_double("lr", 0); }, "train.lr: this key is required");
  expect_usage_error([&] { reader.required_int("n", 0); }, "train.n: this key is required");
  expect_usage_error([&] { reader.required_string("s"); }, "train.s: this key is required");
}

TEST(ConfigReader, AbsentObjectIsEmpty) {
  const json config = json::object();
  ConfigReader inner = ConfigReader(config, "").get_object("train").get_object("schedule");
  EXPECT_EQ(inner.full_name("lr"), "train.schedule.lr");
  EXPECT_NO_THROW(inner.finish());
}

TEST(ApplyOverride, SetsNestedValuesAndCreatesObjects) {
  json config = json::parse(R"({"train": {"lr": 1, "xs": [1, {"y": 2}]}})");
  apply_override(config, "train.lr=0.25");
  apply_override(config, "train.xs.1.y=[3, 4]");
  apply_override(config, "new.inner.on=true");
  apply_override(config, "name=vgg11");
  apply_override(config, "quoted=\"7\"");
  apply_override(config, "empty=");
  apply_override(config, "url=a=b");
  EXPECT_EQ(config, json::parse(R"({"train": {"lr": 0.25, "xs": [1, {"y": [3, 4]}]}, "new": {"inner": {"on": true}},
                                    "name": "vgg11", "quoted": "7", "empty": "", "url": "a=b"})"));
}

TEST(ApplyOverride, RefusesWhatCannotBeSet) {
  json config = json::parse(R"({"xs": [1, 2], "n": 3})");
  const json before = config;
  expect_usage_error([&] { apply_override(config, "xs.2=1"); }, "xs.2: xs is an array of length 2");
  expect_usage_error([&] { apply_override(config, "xs.-1=1"); }, "xs is an array of length 2");
  expect_usage_error([&] { apply_override(config, "xs.99999999999999999999=1"); }, "xs is an array of length 2");
  expect_usage_error([&] { apply_override(config, "n.x=1"); }, "n.x: n must be an object to have keys, got number 3");
  expect_usage_error([&] { apply_override(config, "no-value"); }, "expected KEY=VALUE");
  expect_usage_error([&] { apply_override(config, "=1"); }, "expected KEY=VALUE");
  expect_usage_error([&] { apply_override(config, "n..x=1"); }, "n..x");
  expect_usage_error([&] { apply_override(config, "n.=1"); }, "n.=1");
  expect_usage_error([&] { apply_override(config, "n=\xff"); }, "n: the value is not valid UTF-8");
  EXPECT_EQ(config, before);
}

TEST(ResolveKey, FillsInDefaultsOfOneObject) {
  const auto resolve = [](ConfigReader reader) {
    reader.get_int("a", 1, 0);
    reader.get_string("b", "x");
    reader.finish();
    return reader.resolved();
  };
  EXPECT_EQ(resolve_key({{"k", {{"a", 3}}}, {"other", 1}}, "k", resolve),
            (nlohmann::json{{"k", {{"a", 3}, {"b", "x"}}}, {"other", 1}}));
  const nlohmann::json foreign = {{"k", {{"c", 3}}}};
  EXPECT_EQ(resolve_key(foreign, "k", resolve), foreign);
  EXPECT_EQ(resolve_key(nullptr, "k", resolve), nullptr);
}

}  // namespace
}  // namespace thalweg
