# Collects everything we link in one interface target. LibTorch comes from the PyPI wheel (./bootstrap sets
# CMAKE_PREFIX_PATH), and the CUDA compiler from the wheel beside it or from an installed toolkit.
set(CMAKE_CUDA_ARCHITECTURES ${THALWEG_CUDA_ARCHITECTURES})  # for the compiler's check
# CMake 3.25 does not support C++20 in CUDA sources with nvcc 13.
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)

# Torch's own CMake code needs the architectures in its own syntax, for flags that we do not use.
set(TORCH_CUDA_ARCH_LIST "9.0" CACHE STRING "")
set(cuda_flags_before_torch "${CMAKE_CUDA_FLAGS}")
find_package(Torch 2.11 REQUIRED)
# Torch appends -gencode flags for all CUDA sources and turns CMAKE_CUDA_ARCHITECTURES off, without which nvcc compiles
# for the oldest GPU that it supports. Restore both; the user's flags (-DCMAKE_CUDA_FLAGS, CUDAFLAGS) are kept.
set(CMAKE_CUDA_FLAGS "${cuda_flags_before_torch}")
set(CMAKE_CUDA_ARCHITECTURES ${THALWEG_CUDA_ARCHITECTURES})

find_package(nlohmann_json 3.11 REQUIRED)
find_package(cxxopts 3 REQUIRED)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(CURL REQUIRED)
find_package(LibArchive REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ZLIB REQUIRED)

# The wheel's headers are system headers, to suppress warnings in them, and are visible to C++ only (a .cu file that
# includes LibTorch takes minutes to compile). They include {fmt}'s headers; src/base/fmt.cpp compiles {fmt}.
add_library(thalweg_dependencies INTERFACE)
# The wheel's libtorch.so exports its own std::filesystem, whose remove_all calls a null symbol: link libstdc++ first.
target_link_options(thalweg_dependencies INTERFACE "LINKER:--no-as-needed" "-lstdc++" "LINKER:--as-needed")
target_include_directories(thalweg_dependencies SYSTEM INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${TORCH_INCLUDE_DIRS}>"
  ${CUDAToolkit_INCLUDE_DIRS} ${HDF5_INCLUDE_DIRS})
target_link_libraries(thalweg_dependencies INTERFACE ${TORCH_LIBRARIES} CUDA::cudart nlohmann_json::nlohmann_json
  cxxopts::cxxopts ${HDF5_C_LIBRARIES} CURL::libcurl LibArchive::LibArchive OpenSSL::Crypto ZLIB::ZLIB)

# cuDNN's graph API: the library that LibTorch loads, the headers beside it, and the header-only cudnn-frontend. All
# are taken from the wheels in LibTorch's folder or, if they are not there, from CMAKE_PREFIX_PATH.
set(site_packages "${TORCH_INSTALL_PREFIX}/..")
find_library(CUDNN_LIBRARY libcudnn.so.9 PATHS "${site_packages}/nvidia/cudnn/lib" NO_DEFAULT_PATH)
find_library(CUDNN_LIBRARY libcudnn.so.9 REQUIRED)
find_path(CUDNN_INCLUDE_DIR cudnn.h PATHS "${site_packages}/nvidia/cudnn/include" NO_DEFAULT_PATH)
find_path(CUDNN_INCLUDE_DIR cudnn.h REQUIRED)
find_path(CUDNN_FRONTEND_INCLUDE_DIR cudnn_frontend.h PATHS "${site_packages}/include" NO_DEFAULT_PATH)
find_path(CUDNN_FRONTEND_INCLUDE_DIR cudnn_frontend.h REQUIRED)
target_link_libraries(thalweg_dependencies INTERFACE ${CUDNN_LIBRARY})
# The headers for the one source that includes cudnn-frontend. Without its bundled JSON library they compile in half the
# time.
add_library(thalweg_cudnn INTERFACE)
target_include_directories(thalweg_cudnn SYSTEM INTERFACE ${CUDNN_FRONTEND_INCLUDE_DIR} ${CUDNN_INCLUDE_DIR})
target_compile_definitions(thalweg_cudnn INTERFACE CUDNN_FRONTEND_SKIP_JSON_LIB)
