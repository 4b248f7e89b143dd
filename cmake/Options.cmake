option(THALWEG_TESTS "Build the tests" ON)
option(THALWEG_BENCH "Build the benchmarks (Release only)" OFF)
option(THALWEG_WERROR "Treat warnings in our own code as errors" ON)
set(THALWEG_SANITIZE "" CACHE STRING "Sanitizers for host code, as -fsanitize takes them: address,undefined")
# A single architecture compiles quickly and is what CI builds. Releases use those that LibTorch for CUDA 13 supports,
# the last one with PTX for later GPUs: 80-real;86-real;89-real;90-real;100-real;120
set(THALWEG_CUDA_ARCHITECTURES "90-real" CACHE STRING "GPU architectures to compile for (CMAKE_CUDA_ARCHITECTURES syntax)")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
if(THALWEG_BENCH AND NOT CMAKE_BUILD_TYPE STREQUAL Release)
  message(FATAL_ERROR "Benchmarks need a Release build, not ${CMAKE_BUILD_TYPE}: configure with --preset bench")
endif()
if(THALWEG_BENCH AND THALWEG_SANITIZE)
  message(FATAL_ERROR "Benchmarks of sanitized code are meaningless: configure with --preset bench")
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  # The sloppiness is what precompiled headers need; with the base directory, clones share cached objects.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${launcher})
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
  # LibTorch's headers define a one-byte thread-local. If it comes last before a page boundary, mold 1.10 lets the
  # read-only data begin on the page before the boundary, which is not mapped, and the program does not start ("cannot
  # apply additional memory protection"); this hits about one program in three hundred. Separate pages for code put the
  # thread-local at the beginning of a page.
  add_link_options(-fuse-ld=mold -Wl,-z,separate-code)
endif()
if(THALWEG_SANITIZE)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${THALWEG_SANITIZE}>
                      $<$<COMPILE_LANGUAGE:CXX>:-fno-omit-frame-pointer>)
  add_link_options(-fsanitize=${THALWEG_SANITIZE})
endif()
