# Every file we write records the commit (provenance), so each build queries it again, not only each configuration; this
# file is also the script for that. Without git (an archive, a container) the commit is $THALWEG_COMMIT or "unknown".
if(NOT CMAKE_SCRIPT_MODE_FILE)
  add_custom_target(thalweg_version
    COMMAND ${CMAKE_COMMAND} -DSOURCE_DIR=${CMAKE_SOURCE_DIR} -DOUTPUT=${CMAKE_BINARY_DIR}/generated/thalweg/version.h
            -DPROJECT_VERSION=${PROJECT_VERSION} -P ${CMAKE_CURRENT_LIST_FILE}
    BYPRODUCTS ${CMAKE_BINARY_DIR}/generated/thalweg/version.h
    COMMENT "")
  add_dependencies(thalweg_dependencies thalweg_version)
  return()
endif()

execute_process(COMMAND git --no-optional-locks -C ${SOURCE_DIR} describe --always --dirty --abbrev=12
                OUTPUT_VARIABLE THALWEG_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT THALWEG_COMMIT)
  set(THALWEG_COMMIT $ENV{THALWEG_COMMIT})
endif()
if(NOT THALWEG_COMMIT)
  set(THALWEG_COMMIT unknown)
endif()
configure_file(${CMAKE_CURRENT_LIST_DIR}/version.h.in ${OUTPUT} @ONLY)  # written only if it differs
