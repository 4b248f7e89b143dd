// What most sources include anyway: LibTorch's tensor API alone takes seconds to parse.
#pragma once

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>
