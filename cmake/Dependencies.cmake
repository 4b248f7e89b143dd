# Everything we link, gathered in one interface target. LibTorch comes from the PyPI wheel (CMAKE_PREFIX_PATH is set by
# ./bootstrap), the CUDA compiler from the wheel beside it or from an installed toolkit.
set(CMAKE_CUDA_ARCHITECTURES ${THALWEG_CUDA_ARCHITECTURES})  # for the compiler's check
# CMake 3.25 does not know CUDA C++20 with nvcc 13.
set(CMAKE_CUDA_STANDARD 17)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)

# Torch's own CMake code wants the architectures in its spelling, and only for flags that we do not use.
set(TORCH_CUDA_ARCH_LIST "9.0" CACHE STRING "")
set(cuda_flags_before_torch "${CMAKE_CUDA_FLAGS}")
find_package(Torch 2.11 REQUIRED)
# Torch appends -gencode flags for all CUDA sources and turns CMAKE_CUDA_ARCHITECTURES off, without which nvcc compiles for
# its oldest GPU. Those of whoever configures (-DCMAKE_CUDA_FLAGS, CUDAFLAGS) stay.
set(CMAKE_CUDA_FLAGS "${cuda_flags_before_torch}")
set(CMAKE_CUDA_ARCHITECTURES ${THALWEG_CUDA_ARCHITECTURES})

find_package(nlohmann_json 3.11 REQUIRED)
find_package(cxxopts 3 REQUIRED)
find_package(HDF5 REQUIRED COMPONENTS C)
find_package(CURL REQUIRED)
find_package(LibArchive REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(ZLIB REQUIRED)

# The wheel's headers as system headers, so that our warnings do not reach into them; they are for C++ only (a .cu file
# that includes LibTorch takes minutes). {fmt}'s come with them; src/base/fmt.cpp compiles it.
add_library(thalweg_dependencies INTERFACE)
# The wheel's libtorch.so exports a std::filesystem of its own, whose remove_all calls a null symbol: ours must be found first.
target_link_options(thalweg_dependencies INTERFACE "LINKER:--no-as-needed" "-lstdc++" "LINKER:--as-needed")
target_include_directories(thalweg_dependencies SYSTEM INTERFACE "$<$<COMPILE_LANGUAGE:CXX>:${TORCH_INCLUDE_DIRS}>"
  ${CUDAToolkit_INCLUDE_DIRS} ${HDF5_INCLUDE_DIRS})
target_link_libraries(thalweg_dependencies INTERFACE ${TORCH_LIBRARIES} CUDA::cudart nlohmann_json::nlohmann_json
  cxxopts::cxxopts ${HDF5_C_LIBRARIES} CURL::libcurl LibArchive::LibArchive OpenSSL::Crypto ZLIB::ZLIB)

# cuDNN's graph API: the library that LibTorch loads, its headers beside it, and cudnn-frontend, which is headers only; all
# from the wheels in LibTorch's folder or, where the frontend's is not there, from CMAKE_PREFIX_PATH.
set(site_packages "${TORCH_INSTALL_PREFIX}/..")
find_library(CUDNN_LIBRARY libcudnn.so.9 PATHS "${site_packages}/nvidia/cudnn/lib" NO_DEFAULT_PATH)
find_library(CUDNN_LIBRARY libcudnn.so.9 REQUIRED)
find_path(CUDNN_INCLUDE_DIR cudnn.h PATHS "${site_packages}/nvidia/cudnn/include" NO_DEFAULT_PATH)
find_path(CUDNN_INCLUDE_DIR cudnn.h REQUIRED)
find_path(CUDNN_FRONTEND_INCLUDE_DIR cudnn_frontend.h PATHS "${site_packages}/include" NO_DEFAULT_PATH)
find_path(CUDNN_FRONTEND_INCLUDE_DIR cudnn_frontend.h REQUIRED)
target_link_libraries(thalweg_dependencies INTERFACE ${CUDNN_LIBRARY})
# Its headers are for the one source that includes them. Without its own copy of the JSON library they compile in half
# the time.
add_library(thalweg_cudnn INTERFACE)
target_include_directories(thalweg_cudnn SYSTEM INTERFACE ${CUDNN_FRONTEND_INCLUDE_DIR} ${CUDNN_INCLUDE_DIR})
target_compile_definitions(thalweg_cudnn INTERFACE CUDNN_FRONTEND_SKIP_JSON_LIB)
