// The parts of CUDA that headers included by plain C++ need: the stream type, and THALWEG_HD, which marks functions
// compiled for both CPU and GPU.
#pragma once

typedef struct CUstream_st* cudaStream_t;

#ifdef __CUDACC__
#define THALWEG_HD __host__ __device__
#else
#define THALWEG_HD
#endif
