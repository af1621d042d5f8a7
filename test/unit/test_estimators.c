#pragma GCC diagnostic ignored "-Wdeclaration-after-statement"
#include "core/estimators.h"
#include "core/rng.h"
#include "test_env.h"
static void test_all(void){
	int n=2000,p=5; float*x=malloc(sizeof(float)*n*p),*t=malloc(4*n),*c=malloc(4*n);
	Rng r; rng_seed(&r,1,1);
	for(int i=0;i<n;i++){ for(int j=0;j<p;j++) x[i*p+j]=(float)rng_normal(&r);
	 t[i]=2*x[i*p]-x[i*p+1]+3+.1f*(float)rng_normal(&r); c[i]=t[i]>3;}
	for(int k=0;k<N_ESTIMATORS;k++) for(int cl=0;cl<2;cl++){
	 if((k<2&&cl)||(k>=2&&k<4&&!cl)) continue;
	 Env*env=test_env(); Estimator e; EstimatorSpec s={.kind=k,.classify=cl,.regularization=.01,.n_estimators=20,.max_depth=5,.min_leaf=3,.learning_rate=.3,.subsample=.8,.max_features=.5,.random_state=42};
	 EstimatorRows rows={n,p,x,cl?c:t,NULL};
	 RecsysStatus st=estimator_fit(env,&s,&rows,&e);
	 printf("# %s %d: %d %s | %s | %s\n",estimator_names[k],cl,st,env->error,env->detail,env->hint);
	 if(st==0){double sum=0;for(int i=0;i<n;i++){double v=estimator_value(&e,x+i*p);sum+=cl?(v>=.5)==(c[i]==1):(v-t[i])*(v-t[i]);}
	  printf("# %g intercept %g trees %d nodes %d loss %g progress %d\n",sum/n,e.intercept,e.n_trees,e.n_nodes,test_env_of(env)->loss,(int)test_env_of(env)->n_progress);}
	 else CHECK(0);
	 env_free_all(env); test_env_done(env);
	}
}
int main(void){RUN(test_all);return unit_done();}
