// What most sources include anyway: LibTorch's tensor API alone takes seconds to parse.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <ATen/ATen.h>
