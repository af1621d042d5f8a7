/*
 * methods.h
 *		Every method, each defined in a file of its own in this directory.
 *
 * A new one is declared here and listed in core/methods.c.
 */
#ifndef CORE_METHODS_METHODS_H
#define CORE_METHODS_METHODS_H

#include "core/method.h"

extern const Method method_popular;
extern const Method method_demographic;
extern const Method method_user_profile;
extern const Method method_course_similarity;
extern const Method method_kmeans;
extern const Method method_kmeans_pca;
extern const Method method_knn;
extern const Method method_bias;
extern const Method method_svd;
extern const Method method_nmf;
extern const Method method_als;
extern const Method method_mf;
extern const Method method_bpr;
extern const Method method_ease;
extern const Method method_nn;
extern const Method method_embedding_regression;
extern const Method method_embedding_classification;
extern const Method method_association_rules;
extern const Method method_hybrid;

#endif							/* CORE_METHODS_METHODS_H */
