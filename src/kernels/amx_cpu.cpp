#include "kernels/conv_taps.h"

#ifdef THALWEG_AVX512
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace thalweg {

bool has_amx() {
#if defined(THALWEG_AVX512) && defined(SYS_arch_prctl)
  // Linux enables the tiles for a process on request (Documentation/arch/x86/xstate.rst); older kernels lack the
  // request.
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  static const bool granted = __builtin_cpu_supports("amx-tile") && __builtin_cpu_supports("amx-bf16") &&
                              __builtin_cpu_supports("avx512bf16") &&
                              syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return granted;
#else
  return false;
#endif
}

}  // namespace thalweg
