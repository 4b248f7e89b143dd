#include <cstdio>

#include "thalweg/version.h"

int main() {
  std::printf("thalweg %s (%s)\n", thalweg::kVersion, thalweg::kCommit);
  return 0;
}
