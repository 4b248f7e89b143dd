#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest.h"
#include "data/cifar_files.h"
#include "data/dataset.h"
#include "data/folders.h"
#include "data/info.h"
#include "expect_error.h"
#include "io/temp_folder.h"
#include "scoped_variable.h"

namespace thalweg {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

DataConfig parse(const char* text) {
  const auto json = nlohmann::json::parse(text);
  return read_data_config(ConfigReader(json, "data"));
}

TEST(DataConfig, RoundTripsThroughJson) {
  const DataConfig config = parse(
      R"({"name": "cifar100", "path": "/d", "train_images": 5, "test_images": 7, "validation_images": 2, "pad_to": 40,
          "seed": 9})");
  EXPECT_EQ(config.name, "cifar100");
  EXPECT_EQ(config.train_images, 5);
  EXPECT_EQ(config.validation_images, 2);
  const auto json = to_json(config);
  EXPECT_EQ(to_json(read_data_config(ConfigReader(json, "data"))), json);
  EXPECT_EQ(to_json(parse("{}")), to_json(DataConfig{}));
}

TEST(DataConfig, MayReplaceTheSetsNormalisation) {
  EXPECT_FALSE(to_json(parse("{}")).contains("normalisation"));
  const char* const text = R"({"name": "synthetic", "train_images": 20, "test_images": 10,
                               "normalisation": {"mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6]}})";
  const DataConfig config = parse(text);
  const Normalisation expected{{0.1, 0.2, 0.3}, {0.4, 0.5, 0.6}};
  EXPECT_EQ(config.normalisation, expected);
  const nlohmann::json json = to_json(config);
  EXPECT_EQ(to_json(read_data_config(ConfigReader(json, "data"))), json);
  DataConfig own = config;
  own.normalisation.reset();
  const DataSet set = load_data(config), plain = load_data(own);
  EXPECT_EQ(set.normalisation, expected);
  EXPECT_NE(plain.normalisation, expected);
  EXPECT_EQ(set.digest, plain.digest);
  DataConfig grey = config;
  grey.normalisation = Normalisation{{0.5}, {0.5}};
  expect_usage_error([&] { load_data(grey); }, "1 means, but the images of synthetic have 3 channels");
  for (const char* bad : {R"({"normalisation": {"mean": [0.5]}})",
                          R"({"normalisation": {"mean": [0.5], "std": [1, 2]}})", R"({"normalisation": {}})"})
    expect_usage_error([&] { parse(bad); }, "data.normalisation.mean");
  expect_usage_error([&] { parse(R"({"normalisation": {"mean": [0.5], "std": [0]}})"); }, "data.normalisation.std");
}

TEST(DataConfig, RefusesWhatItDoesNotKnow) {
  expect_usage_error([] { parse(R"({"name": "cifar11"})"); }, "data.name");
  expect_usage_error([] { parse(R"({"train_images": -1})"); }, "data.train_images");
  expect_usage_error([] { parse(R"({"train_image": 1})"); }, "train_images");
  expect_usage_error([] { parse(R"({"seed": -1})"); }, "data.seed");
  expect_usage_error([] { parse(R"({"pad_to": 257})"); }, "data.pad_to");
  expect_usage_error([] { parse(R"({"validation_images": -1})"); }, "data.validation_images");
}

TEST(Normalisation, RoundTripsThroughJson) {
  const Normalisation value{{0.1, 0.2, 0.3}, {1.5, 2.5, 3.5}};
  EXPECT_EQ(nlohmann::json(value).get<Normalisation>(), value);
}

TEST(Normalisation, RefusesUnequalLengthsAndDeviationsOfZero) {
  const auto parse_value = [](const char* text) { return nlohmann::json::parse(text).get<Normalisation>(); };
  EXPECT_THROW(parse_value(R"({"mean": [0, 0], "std": [1]})"), Error);
  EXPECT_THROW(parse_value(R"({"mean": [0], "std": [0]})"), Error);
}

TEST(LoadData, KnowsEveryNameItLists) {
  const TempFolder empty;
  const std::string path = empty.path().string();
  expect_error([&] { load_data({.name = "cifar10", .path = path}); }, "CIFAR-10 not found");
  expect_error([&] { load_data({.name = "cifar100", .path = path}); }, "CIFAR-100 not found");
  expect_error([&] { load_data({.name = "mnist", .path = path}); }, "MNIST not found");
  expect_error([&] { load_data({.name = "fashion_mnist", .path = path}); }, "Fashion-MNIST not found");
  EXPECT_EQ(load_data({.name = "synthetic", .train_images = 1, .test_images = 1}).train.size(), 1);
  EXPECT_THAT(data_set_names(), ElementsAre("cifar10", "cifar100", "fashion_mnist", "mnist", "synthetic"));
  expect_usage_error([] { load_data({.name = "imagenet"}); },
                     "\"imagenet\"; expected one of cifar10, cifar100, fashion_mnist, mnist, synthetic");
}

TEST(LoadData, SaysWhereItLookedAndWhatToDo) {
  const TempFolder home;
  const TempFolder shared;
  const ScopedVariable a("HOME", home.path().c_str());
  const ScopedVariable b("XDG_DATA_HOME", nullptr);
  const ScopedVariable c("THALWEG_DATA", shared.path().c_str());
  const fs::path user = home.path() / ".local/share/thalweg";
  for (const std::string& text :
       {" in " + shared.path().string() + ", " + user.string(), std::string("`thalweg data fetch cifar10`"),
        std::string("data.path"), std::string("THALWEG_DATA")}) {
    expect_error([] { load_data({.name = "cifar10"}); }, text);
  }
}

TEST(LoadData, LooksOnlyInThePathThatIsConfigured) {
  const TempFolder configured;
  const TempFolder shared;
  const ScopedVariable variable("THALWEG_DATA", shared.path().c_str());
  fs::create_directory(shared.path() / "cifar-10-batches-bin");  // would give an error about missing files if it were
                                                                 // searched
  expect_error([&] { load_data({.name = "cifar10", .path = configured.path().string()}); }, "CIFAR-10 not found");
}

TEST(LoadData, SaysHowToGetFashionMnist) {
  const TempFolder shared;
  for (const std::string& text :
       {" in " + shared.path().string() + ".", std::string("dataset-fashion-mnist"), std::string("data.path")}) {
    expect_error([&] { load_data({.name = "fashion_mnist", .path = shared.path().string()}); }, text);
  }
}

TEST(LoadData, PointsOutThePythonVersion) {
  const TempFolder folder;
  fs::create_directory(folder.path() / "cifar-100-python");
  expect_error([&] { load_data({.name = "cifar100", .path = folder.path().string()}); },
               "cifar-100-python is the Python version");
}

// Uses the official number of records, since load_data requires it; the contents are made up.
TEST(LoadData, FindsCifarInTheStandardFolderAndRightThere) {
  const TempFolder folder;
  const CifarFormat& format = cifar_format("cifar10");
  const fs::path inner = folder.path() / format.folder;
  const std::string bytes = records(format, 10000, 3);
  for (const auto& name : format.train_files) write_bytes(inner / name, bytes);
  write_bytes(inner / "test_batch.bin", bytes);
  const ScopedVariable variable("THALWEG_DATA", folder.path().c_str());
  const DataSet set = load_data({.name = "cifar10"});
  EXPECT_EQ(set.train.size(), 50000);
  EXPECT_EQ(set.test.size(), 10000);
  const DataSet right_there = load_data({.name = "cifar10", .path = inner.string()});
  EXPECT_EQ(right_there.digest, set.digest);
  EXPECT_EQ(right_there.config.path, inner.string());
}

TEST(LoadData, DigestsPixelsAndLabelsInOrder) {
  const DataSet set = load_data({.name = "synthetic", .train_images = 3, .test_images = 2});
  std::string bytes;
  for (const auto& tensor : {set.train.images, set.train.labels, set.test.images, set.test.labels}) {
    bytes.append(static_cast<const char*>(tensor.data_ptr()), tensor.nbytes());
  }
  EXPECT_EQ(set.digest, sha256_of(bytes));
}

TEST(LoadData, HoldsOutAndDigestsWhichImages) {
  const DataSet all = load_data({.name = "synthetic", .train_images = 40, .test_images = 2});
  EXPECT_EQ(all.validation.size(), 0);
  const DataConfig config{.name = "synthetic", .train_images = 40, .test_images = 2, .validation_images = 10};
  const DataSet set = load_data(config);
  EXPECT_EQ(set.train.size(), 30);
  EXPECT_EQ(set.validation.size(), 10);
  EXPECT_EQ(set.test.size(), 2);
  std::string bytes;
  for (const ImageSet* split : {&set.train, &set.test, &set.validation}) {
    for (const auto& tensor : {split->images, split->labels}) {
      bytes.append(static_cast<const char*>(tensor.data_ptr()), tensor.nbytes());
    }
  }
  EXPECT_EQ(set.digest, sha256_of(bytes));
  EXPECT_NE(set.digest, all.digest);
  EXPECT_EQ(load_data(config).digest, set.digest);
}

TEST(LoadData, TakesTheValidationSplitFromTheFirstTrainingImages) {
  const auto load = [](std::int64_t validation) {
    return load_data(
        {.name = "synthetic", .train_images = 3, .test_images = 1, .validation_images = validation, .pad_to = 36});
  };
  EXPECT_EQ(load(2).train.size(), 1);
  EXPECT_EQ(load(2).validation.images.sizes(), (at::IntArrayRef{2, 3, 36, 36}));
  expect_usage_error([&] { load(3); }, "data.validation_images is 3, but the training split has 3 images");
}

TEST(LoadData, PadsImagesAndDigestsTheBorder) {
  const DataSet plain = load_data({.name = "synthetic", .train_images = 3, .test_images = 2});
  const DataSet padded = load_data({.name = "synthetic", .train_images = 3, .test_images = 2, .pad_to = 35});
  EXPECT_EQ(padded.train.images.sizes(), (at::IntArrayRef{3, 3, 35, 35}));
  EXPECT_EQ(padded.test.images.sizes(), (at::IntArrayRef{2, 3, 35, 35}));
  EXPECT_NE(padded.digest, plain.digest);
  EXPECT_EQ(padded.normalisation, plain.normalisation);
  EXPECT_EQ(load_data({.name = "synthetic", .train_images = 3, .test_images = 2, .pad_to = 32}).digest, plain.digest);
}

// Recorded value: surfaces and checkpoints identify their data by this digest, so the set must never change.
TEST(LoadData, TheSyntheticSetHasTheSameBytesEverywhere) {
  EXPECT_EQ(load_data({.name = "synthetic", .train_images = 100, .test_images = 50}).digest,
            "245a3eaa2eb35d38a7d6d4844ba085df10d55e3dd738ab8b982c84939db84edb");
}

TEST(DataFolders, FollowTheXdgSpecification) {
  const ScopedVariable home("HOME", "/home/someone");
  const ScopedVariable shared("THALWEG_DATA", nullptr);
  {
    const ScopedVariable xdg("XDG_DATA_HOME", "/xdg");
    EXPECT_THAT(data_folders(""), ElementsAre("/xdg/thalweg"));
    EXPECT_THAT(data_folders("here"), ElementsAre("here"));
  }
  const ScopedVariable relative("XDG_DATA_HOME", "relative");  // must be ignored
  EXPECT_EQ(user_data_folder(), "/home/someone/.local/share/thalweg");
  const ScopedVariable nobody("HOME", nullptr);
  EXPECT_TRUE(data_folders("").empty());
}

TEST(DescribeData, CountsClassesAndMeasuresChannels) {
  DataSet set = load_data({.name = "synthetic", .train_images = 20, .test_images = 10});
  set.train.images.zero_();
  set.train.images.select(1, 0).fill_(255);
  set.train.images.select(1, 1).narrow(0, 0, 10).fill_(255);
  set.train.labels.fill_(3);
  const auto info = describe_data(set);
  EXPECT_EQ(info["train_images"], 20);
  EXPECT_EQ(info["classes"][3]["train"], 20);
  EXPECT_EQ(info["classes"][4]["train"], 0);
  EXPECT_EQ(info["classes"][4]["test"], 1);
  EXPECT_EQ(info["classes"][3]["name"], set.class_names[3]);
  EXPECT_EQ(info["measured"]["mean"], (std::vector<double>{1, 0.5, 0}));
  EXPECT_EQ(info["measured"]["std"], (std::vector<double>{0, 0.5, 0}));
  EXPECT_EQ(info["image"], (std::vector<int>{3, 32, 32}));
  EXPECT_EQ(info["digest"], set.digest);
}

}  // namespace
}  // namespace thalweg
