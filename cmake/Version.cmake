# The commit stands in every file we write (provenance); a build outside git says "unknown".
execute_process(COMMAND git -C ${CMAKE_SOURCE_DIR} describe --always --dirty --abbrev=12
                OUTPUT_VARIABLE THALWEG_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT THALWEG_COMMIT)
  set(THALWEG_COMMIT unknown)
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/version.h.in ${CMAKE_BINARY_DIR}/generated/thalweg/version.h @ONLY)
